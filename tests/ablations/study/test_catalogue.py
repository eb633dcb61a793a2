"""Studies are found by name or file."""

from __future__ import annotations

import pytest

from ablations.errors import UserError
from ablations.study.catalogue import load_study


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
