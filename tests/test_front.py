"""The front of another score than top-1, and of a run that has none."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from ablations.errors import UserError
from snnet.front import front_area
from studies.experiments import objectives

STITCHES = pd.DataFrame(
    {
        "is_anchor": [True, True, False],
        "macs": [100, 400, 200],
        "top1": [0.1, 0.2, 0.3],
        "top1_validation": [0.7, 0.9, 0.8],
    }
)


def test_the_score_is_a_column():
    assert front_area(STITCHES) == pytest.approx((0.1 * 100 + 0.3 * 200) / 300)
    assert front_area(STITCHES, "top1_validation") == pytest.approx((0.7 * 100 + 0.8 * 200) / 300)


def test_without_anchors_there_is_no_front():
    alone = STITCHES[~STITCHES.is_anchor]
    assert math.isnan(front_area(alone))
    with pytest.raises(UserError, match="one route alone has no front"):
        objectives.front_area(alone)
