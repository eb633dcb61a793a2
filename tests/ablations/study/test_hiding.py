"""A file beside a study that would be imported instead of a package is refused before any run."""

from __future__ import annotations

import pytest

from ablations.errors import UserError
from ablations.study.catalogue import load_study
from ablations.study.hiding import check_hidden

STUDY = "import ablations\nSTUDY = None\n"


@pytest.mark.parametrize(
    ("entry", "hidden"),
    [
        ("random.py", "Python's module random"),
        ("mlflow.py", "the installed package mlflow"),
        ("PIL/__init__.py", "the installed package PIL"),
        ("yaml.py", "the installed package yaml"),  # of what mlflow requires
    ],
)
def test_what_hides_a_module_is_named(tmp_path, entry, hidden):
    (tmp_path / entry).parent.mkdir(exist_ok=True)
    (tmp_path / entry).touch()
    (tmp_path / "mine.py").write_text(STUDY)
    hiding = tmp_path / entry.partition("/")[0]
    says = f"mine.py: {hiding} hides {hidden}, which runs need: rename it"
    with pytest.raises(UserError, match=says):
        load_study(str(tmp_path / "mine.py"))


def test_a_study_that_hides_a_module_itself_is_refused(tmp_path):
    (tmp_path / "numpy.py").write_text(STUDY)
    with pytest.raises(UserError, match=r"numpy.py hides the installed package numpy"):
        load_study(str(tmp_path / "numpy.py"))


@pytest.mark.parametrize(
    "entry",
    [
        *("test.py", "imp.py", "time.py", "os.py", "mine.py", "no-name.py", "pytest.py"),
        *("random/mine.py", "random.txt"),  # a folder without a module of its own hides nothing
    ],
)
def test_what_hides_nothing_that_runs_need_is_left_alone(tmp_path, entry):
    (tmp_path / entry).parent.mkdir(exist_ok=True)
    (tmp_path / entry).touch()
    check_hidden(tmp_path)
    check_hidden(tmp_path / "nowhere")
