"""Names of files in a run directory: what one function makes, the others know again."""

from __future__ import annotations

from fnmatch import fnmatch
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablations.runs import layout
from ablations.runs.layout import Numbered

NUMBERED = {name: one for name, one in vars(layout).items() if isinstance(one, Numbered)}
attempts = st.integers(0, 10**9)


def test_all_are_looked_at():
    assert len(NUMBERED) == 12


@pytest.mark.parametrize("name", NUMBERED)
@given(attempt=attempts)
def test_an_attempt_is_read_off_its_files(name, attempt):
    numbered = NUMBERED[name]
    file = numbered.of(attempt)
    assert numbered.attempt(file) == attempt
    assert fnmatch(file, numbered.pattern)


@pytest.mark.parametrize(("one", "other"), [*permutations(NUMBERED, 2)])
@given(attempt=attempts)
def test_no_file_is_taken_for_another(one, other, attempt):
    file = NUMBERED[one].of(attempt)
    assert NUMBERED[other].attempt(file) is None
    assert not fnmatch(file, NUMBERED[other].pattern)


@pytest.mark.parametrize("name", NUMBERED)
@given(text=st.text(st.characters(max_codepoint=127), max_size=12))
def test_other_names_are_no_attempts(name, text):
    numbered = NUMBERED[name]
    file = f"{numbered.start}-{text}{numbered.suffix}"
    found = numbered.attempt(file)
    assert (found is not None) == text.isdecimal()
    assert numbered.attempt(f".{numbered.of(1)}.0.tmp") is None
    assert numbered.attempt(layout.damaged(Path(numbered.of(1))).name) is None


def test_what_is_set_aside_stays_beside_where_it_was():
    assert layout.damaged(Path("runs/a/result.json")) == Path("runs/a/result.json.damaged")


def test_tables_have_files_of_their_own():
    assert layout.table("stitch") == "stitch.parquet"
    assert layout.table("stitch") != layout.table("layer")
