"""Intervals of a mean."""

from __future__ import annotations

import pytest

from reports.statistics.interval import estimate


def test_intervals_against_a_textbook():
    found = estimate([4.0, 6.0, 8.0])  # sd 2, t(0.975, 2) = 4.3027
    assert found.mean == 6
    assert found.half_width == pytest.approx(4.3027 * 2 / 3**0.5, rel=1e-4)
    assert found.text() == "6.0 ± 5.0"
    two = estimate([4.0, 8.0])  # verdicts know the interval; t(0.975, 1) = 12.706
    assert two.interval() == pytest.approx((6 - 25.41, 6 + 25.41), abs=0.01)
    assert (two.half_width, two.text()) == (None, "6.0")
    assert estimate([-4.0]).text(sign=True) == "−4.0"
    assert estimate([]).text() == "–"
