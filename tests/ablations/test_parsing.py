"""What is written on the command line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablations.errors import UserError
from ablations.parsing import parse_seconds


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
