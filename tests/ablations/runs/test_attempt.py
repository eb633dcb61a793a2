"""What a run may write: files of its own, in its own folder."""

from __future__ import annotations

import pandas as pd
import pytest

from ablations.errors import UserError
from ablations.runs.attempt import Attempt


@pytest.fixture
def attempt(tmp_path):
    (tmp_path / "files-1").mkdir()
    return Attempt(tmp_path / "files-1", tmp_path, 1)


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "/tmp/x", "a/b", "a\0b", "x/"])
def test_nothing_is_written_elsewhere(attempt, tmp_path, name):
    says = "a run writes files of its own, none called"
    with pytest.raises(UserError, match=says), attempt.writing(name):
        pass
    with pytest.raises(UserError, match=says):
        attempt.save_table(f"../{name}", pd.DataFrame({"a": [1]}))
    assert [path.name for path in tmp_path.rglob("*")] == ["files-1"]


@pytest.mark.parametrize("name", [3, None, b"x", ("a",)])
def test_a_name_is_text(attempt, name):
    with pytest.raises(UserError, match=r"run\.save_table takes a name that is text; it got "):
        attempt.save_table(name, pd.DataFrame({"a": [1]}))
    with pytest.raises(UserError, match="none called "), attempt.writing(name):
        pass
    assert attempt.tables == []


@pytest.mark.parametrize(
    "name", ["result.json", "progress-1.jsonl", "system-metrics-2.jsonl", "claim-2.json"]
)
def test_no_file_of_the_machinery_is_taken(attempt, name):
    says = f"{name} is a file of the machinery: call yours otherwise"
    with pytest.raises(UserError, match=says), attempt.writing(name):
        pass


def test_files_of_its_own_are_whole_or_none(attempt):
    with attempt.writing("model.bin") as path:
        path.write_bytes(b"1")
    assert (attempt.directory / "model.bin").read_bytes() == b"1"
    with pytest.raises(RuntimeError), attempt.writing("other.bin") as path:
        path.write_bytes(b"1")
        raise RuntimeError
    assert [path.name for path in attempt.directory.iterdir()] == ["model.bin"]
