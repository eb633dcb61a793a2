"""Measures of a run, calculated by hand."""

from __future__ import annotations

import pytest

from ablations.errors import UserError
from helpers.tables import table
from reports.data.measures import MEASURES, differences


def test_measures_by_hand():
    run = table([0.5, 0.9, 0.6, 0.8], before=[0.6, 0.9, 0.7, 0.1])
    other = table([0.5, 0.9, 0.5, 0.9])
    found = {name: differences(name, run, None, "route") for name in MEASURES}
    assert found["top1"] == pytest.approx([60, 80])
    assert found["top1_before"] == pytest.approx([70, 10])
    assert found["loss"] == pytest.approx([10, -70])
    assert found["anchor_gain"] == pytest.approx([-10, 0])
    assert found["step"] == pytest.approx([10, 20, 10])
    assert found["rank_correlation"] == pytest.approx([100])
    assert found["front_area"] == pytest.approx([100 * (0.5 + 0.6 + 0.8) / 3])
    assert differences("top1", run, other, "route") == pytest.approx([10, -10])
    # at 250 MACs the other is half-way between its stitches of 50 % and 90 %
    shifted = table([0.5, 0.9, 0.6, 0.8], macs=(100, 400, 250, 350))
    assert differences("top1", shifted, other, "macs") == pytest.approx([60 - 70])
    with pytest.raises(UserError, match="no measure 'top': did you mean top1"):
        differences("top", run, None, "route")
