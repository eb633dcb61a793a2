"""Studies are found by name or file."""

from __future__ import annotations

import pytest

import ablations
from ablations.errors import UserError
from ablations.study.catalogue import load_study, name_of


def test_unknown_studies_and_files(tmp_path):
    with pytest.raises(UserError, match="did you mean overview"):
        load_study("overveiw")
    with pytest.raises(UserError, match="there is no study file"):
        load_study(str(tmp_path / "none.py"))
    (tmp_path / "broken.py").write_text("STUDY = 1 / 0")
    with pytest.raises(UserError, match="ZeroDivisionError"):
        load_study(str(tmp_path / "broken.py"))
    (tmp_path / "overview.py").write_text("")
    with pytest.raises(UserError, match="name of a built-in study"):
        load_study(str(tmp_path / "overview.py"))
    (tmp_path / "empty.py").write_text("")
    with pytest.raises(UserError, match="defines no STUDY"):
        load_study(str(tmp_path / "empty.py"))


OLD = ["ablations.study import Study", "ablations.statement import Statement"]


@pytest.mark.parametrize("old", OLD)
def test_imports_of_an_earlier_version_are_told_the_new_ones(tmp_path, old):
    (tmp_path / "mine.py").write_text(f"from {old}\n")
    with pytest.raises(UserError, match="from ablations import Axis, Study"):
        load_study(str(tmp_path / "mine.py"))


def test_an_attempt_is_also_called_run():
    assert ablations.Run is ablations.Attempt
    assert {"Axis", "Claim", "Experiment", "Study"} <= set(ablations.__all__)
    for name in ablations.__all__:
        assert getattr(ablations, name) is not None
    with pytest.raises(AttributeError, match="Studdy"):
        _ = ablations.Studdy


@pytest.mark.parametrize(
    ("reference", "name"),
    [("overview", "overview"), ("lr0.1", "lr0.1"), ("lr0.1.py", "lr0.1"), ("a/s.py", "s")],
)
def test_a_study_is_called_as_its_file_without_the_ending(reference, name):
    assert name_of(reference) == name
