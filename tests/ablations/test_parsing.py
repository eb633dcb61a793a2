"""What is written on the command line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablations.errors import UserError
from ablations.parsing import parse_changes, parse_count, parse_pairs, parse_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("10min", 600),
        ("10m", 600),
        ("2h", 7200),
        ("1.5d", 129600),
        ("1h 30min", 5400),
        ("1h30m", 5400),
        (" 5 s ", 5),
    ],
)
def test_durations(text, seconds):
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "1:30", "-5", "5 weeks", "h", "1e3", "5s!"])
def test_what_is_no_duration(text):
    with pytest.raises(UserError, match="is no duration: write such as 90s"):
        parse_seconds(text)


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59))
def test_parts_add_up(hours, minutes, seconds):
    assert (
        parse_seconds(f"{hours}h {minutes}min {seconds}s") == 3600 * hours + 60 * minutes + seconds
    )


@pytest.mark.parametrize("text", ["inf", "nan", "1e999", "9" * 400, "", "G", "5X"])
def test_what_is_no_count(text):
    with pytest.raises(ValueError, match=r"number|convert"):
        parse_count(text)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (("kernel",), "--set kernel should read AXIS=VALUE, for example init=kaiming"),
        (("=3",), "--set =3 should read AXIS=VALUE"),
        (("a=1", "a=2"), "--set a is given twice: 1 and 2"),
        (("a=[1,",), "--set a: not valid JSON: Expecting value"),
        ((f"a={'[' * 3000}",), "--set a: not valid JSON: it has too many brackets"),
        ((f"a={'[' * 101}{']' * 101}",), "--set a: not valid JSON: it has too many brackets"),
        (("a=" + '{"b":' * 3000,), "--set a: not valid JSON: it has too many brackets"),
        ((f"a=[{'9' * 5000}]",), "--set a: not valid JSON: Exceeds the limit"),
        (('a={"b":1,"b":2}',), "--set a: not valid JSON: 'b' is there twice"),
        (('a={"b":NaN}',), "--set a: not valid JSON: NaN is no number"),
        (("a=[-Infinity]",), "--set a: not valid JSON: -Infinity is no number"),
    ],
)
def test_changes_that_do_not_read(changes, says):
    with pytest.raises(UserError) as refused:
        parse_changes(changes)
    assert str(refused.value).startswith(says)


def test_pairs_come_once():
    assert parse_pairs("--resource", ("a=1", "b=x=y")) == {"a": "1", "b": "x=y"}
    with pytest.raises(UserError, match="--resource a is given twice: 1 and 2"):
        parse_pairs("--resource", ("a=1", "a=2"))
