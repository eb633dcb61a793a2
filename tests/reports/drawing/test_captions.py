"""Sentences that captions share."""

from __future__ import annotations

import pytest

from reports.drawing.captions import seeds_sentence


@pytest.mark.parametrize(
    ("counts", "says"),
    [
        ([1, 1], "One seed: no interval can be given."),
        ([2, 1], "Means over 1 to 2 seeds: fewer than 3 show no interval."),
        ([2, 2], "Means over 2 seeds: fewer than 3 show no interval."),
        (
            [2, 5],
            "Means over 2 to 5 seeds; bars are 95 % Student-t intervals over seeds, of 3 or more.",
        ),
        ([3, 5], "Means over 3 to 5 seeds; bars are 95 % Student-t intervals over seeds."),
    ],
)
def test_what_seeds_allow(counts, says):
    assert seeds_sentence(counts) == says
    assert seeds_sentence([2], bars=False) == "Means over 2 seeds."
