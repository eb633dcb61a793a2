"""What is measured: ratios and their intervals, never of outputs that differ."""

from __future__ import annotations

import pytest

from benchmarks.measure import OutputsDifferError, Result, Timing


def result(plain=(2.0, 4.0, 30.0), ours=(1.0, 1.0, 10.0), difference=0.0, target=None):
    return Result("name", "case", Timing(plain), Timing(ours), difference, 1e-3, target)


def test_the_ratio_is_the_median_over_rounds():
    assert result().ratio == 3.0
    assert result().interval == (2.0, 4.0)
    assert result().met is None
    assert result(target=3.0).met
    assert not result(target=3.1).met


def test_the_interval_of_a_median_is_by_order():
    # of 11 values, the 2nd and the 10th hold the median with at least 95 %
    rounds = tuple(float(number) for number in (5, 3, 11, 1, 9, 7, 2, 10, 4, 8, 6))
    assert result(plain=rounds, ours=(1.0,) * 11).interval == (2.0, 10.0)


@pytest.mark.parametrize("difference", [2e-3, float("nan")])
def test_outputs_that_differ_are_an_error(difference):
    with pytest.raises(OutputsDifferError, match=r"name, case: outputs differ by \S+, more than"):
        result(difference=difference)
