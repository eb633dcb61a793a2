"""Names in any script are drawn with fonts that have their characters, or that is told."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings

import pytest
from matplotlib import pyplot as plt
from matplotlib.font_manager import fontManager
from matplotlib.text import Text

from reports.drawing import fonts
from reports.drawing.style import encode, figure_style

EGYPTIAN = "\U00013000\U00013001"  # no font that matplotlib or Debian brings has these


@pytest.fixture
def told(monkeypatch):
    """What is warned of."""
    said = []
    monkeypatch.setattr(fonts, "warn", said.append)
    monkeypatch.setattr(fonts, "_told", set())
    return said


def drawn(name, formats=("png",)):
    """The families that a figure with this name was drawn with."""
    with figure_style():
        figure, axes = plt.subplots()
        axes.barh(["plain", name], [1, 2])
    plt.close(figure)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for file_format in formats:
            encode(figure, file_format)
    (text, *_) = [one for one in figure.findobj(Text) if one.get_text() == name]
    return text.get_fontfamily()


@pytest.mark.parametrize("name", ["plain", "Ωμέγα", "плоский", "über", ""])
def test_what_the_figures_font_has_is_drawn_with_it_alone(told, name):
    assert drawn(name) == ["STIXGeneral"]
    assert told == []


@pytest.mark.parametrize("name", ["\N{GRINNING FACE} fast", "\N{ARABIC LETTER SAD}"])
def test_what_it_lacks_is_drawn_with_a_font_of_this_machine(told, name):
    own, *others = drawn(name, ("png", "pdf", "svg"))
    assert own == "STIXGeneral"
    assert others
    assert {*others} <= {entry.name for entry in fontManager.ttflist}
    assert told == []


def test_what_no_font_has_is_told_once(told):
    for name in (EGYPTIAN, f"{EGYPTIAN} \N{GRINNING FACE}"):
        drawn(name, ("png", "svg"))
    (said,) = told
    assert said == (
        f"no font on this machine has {' '.join(EGYPTIAN)}: figures show boxes in their place; "
        "install one that does, such as Noto Sans CJK, or call levels otherwise"
    )
    drawn("\U00013002")
    assert "\U00013002:" in told[1]


@pytest.mark.parametrize("backend", ["module://nowhere.backend", "nonsense", "QtAgg"])
@pytest.mark.slow
def test_the_backend_of_the_environment_does_not_matter(backend):
    code = "import reports.drawing.drawing, matplotlib; print(matplotlib.get_backend())"
    environment = {**os.environ, "MPLBACKEND": backend}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip().lower()) == (0, "agg"), done.stderr
