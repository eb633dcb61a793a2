"""Figures and measures that users write."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from helpers.commands import TOY, run_ablate

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"
TOY_FILE = Path(TOY)
OWN = """
import pandas as pd
from matplotlib import pyplot as plt
from reports.data.measures import Measure
from reports.drawing.figure import FigureKind

def data(subject):
    {line}
    return pd.DataFrame({{"seeds": [len(level.runs) for level in subject.levels]}})

def draw(data):
    figure, axes = plt.subplots()
    axes.plot(data.seeds)
    return figure

FIGURE = FigureKind("Seeds", "axis", 50, data, draw, lambda data: f"{{len(data)}} levels.")
"""


@pytest.fixture
def own():
    """Registries that are as before when the test ends."""
    from reports import own
    from reports.data.measures import MEASURES
    from reports.figures import FIGURES

    before = [(registry, dict(registry)) for registry in (own._used, MEASURES, FIGURES)]
    yield
    for registry, content in before:
        registry.clear()
        registry.update(content)


def test_figure_and_measure_of_the_page_on_extending(own, home, tmp_path, ablate):
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "own").mkdir()
    for name, held in (("nodes", "FIGURE = "), ("measures", "MEASURES = ")):
        (code,) = [block for block in blocks if held in block]
        (tmp_path / "own" / f"{name}.py").write_text(code)
    claim = 'Claim("the worst is good", "worst", margin=50)'
    study = TOY_FILE.read_text().replace("seeds=2,", f"seeds=1, claims=[{claim}],")
    study = study.replace("import Axis,", "import Axis, Claim,").replace('"passes":', '"nodes":')
    (tmp_path / "mine.py").write_text(study)
    assert ablate("run", str(tmp_path / "mine.py")).returncode == 0
    done = ablate("report", "mine", "--with", str(tmp_path / "own"))
    assert done.returncode == 0, done.stderr
    page = (home.reports / "mine/index.html").read_text()
    assert "<b>Nodes.</b> Nodes of 2 runs." in page
    assert "the worst is good" in page
    assert "+70.0 points" in page


def report(home, uri, path):
    return run_ablate(home / "home", "report", "toy", "--with", str(path), "--tracking-uri", uri)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("counts.py", OWN.format(line="1 / 0"), "counts.py, line 8: data of figure counts fails"),
        ("accuracy.py", OWN.format(line="pass"), "the name accuracy is taken; call it otherwise"),
        ("empty.py", "", "holds neither a FIGURE nor MEASURES"),
        ("odd.py", "FIGURE = 3", "FIGURE should be a reports.drawing.figure.FigureKind"),
        ("odd.py", "MEASURES = {'a': len}", "measure 'a' should be a reports.data.measures"),
        ("bad.py", "import nothing_of_the_kind", "bad.py, line 1: ModuleNotFoundError"),
    ],
)
def test_mistakes_in_own_figures_are_told(own, uri, tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    done = report(tmp_path, uri, tmp_path / name)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_folder_without_figures_is_told(uri, tmp_path):
    for path, said in ((tmp_path, "holds no file"), (tmp_path / "x", "there is no such file")):
        done = report(tmp_path, uri, path)
        assert (done.returncode, said in done.stderr) == (2, True)
