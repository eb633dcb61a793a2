"""What benchmarks found is kept, each until it is measured anew."""

from __future__ import annotations

import json

import pytest

from benchmarks.measure import Result, Timing
from benchmarks.results import Measured, read_measured, surroundings, write_markdown, write_measured


def measured(ratio, **around):
    """A benchmark whose plain way takes so much longer."""
    timings = Timing((1.0, ratio)), Timing((1.0, 1.0))
    result = Result("solve", "small", *timings, difference=0.0, tolerance=0.0, target=2.0)
    return Measured(surroundings(quick=False) | around, (result,))


def test_what_is_read_is_what_was_written(tmp_path):
    kept = {"first": measured(2.0), "second": measured(3.0)}
    write_measured(kept, tmp_path / "results.json")
    assert read_measured(tmp_path / "results.json") == kept


@pytest.mark.parametrize("former", [None, {"machine": "2 cores", "results": []}])
def test_nothing_is_read_where_nothing_of_this_form_is(tmp_path, former):
    if former:
        (tmp_path / "results.json").write_text(json.dumps(former))
    assert read_measured(tmp_path / "results.json") == {}


def test_the_table_says_on_what_each_was_measured(tmp_path):
    here, there = {"machine": "here"}, {"machine": "there", "changed": True}
    kept = {
        "a": measured(2.0, **here),
        "b": measured(3.0, **here),
        "c": measured(2.0, **there),
    }
    write_markdown(kept, tmp_path / "results.md")
    first, second, *_ = (tmp_path / "results.md").read_text().splitlines()
    assert first.startswith("- here, ")
    assert first.endswith(": a, b")
    assert second.startswith("- there, ")
    assert " with changes, " in second
