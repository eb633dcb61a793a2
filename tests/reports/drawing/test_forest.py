"""The forest plot of claims."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib import pyplot as plt

from ablations.study.claim import Claim
from ablations.study.variant import Variant
from reports.data.paper import published_plan
from reports.data.verdicts import Verdict
from reports.drawing.forest import SHARES, forest
from reports.drawing.style import figure_style
from reports.statistics.evidence import Sample, assess

BETTER = Claim("Momentum is better", "top1")
MOSTLY = Claim("Most stitches are better", "top1", statistic="share")
PLAN = replace(published_plan("vit"), study="rule", scale="digits")
OTHER = replace(
    PLAN, study="rule-fashion", scale="fashion", variant=Variant("rule", scale="fashion")
)


def verdict(plan, effect, claim=BETTER, spread=0.1):
    values = {seed: np.array([effect + spread * seed] * 4) for seed in range(5)}
    if claim.statistic == "share":
        values = {seed: np.array([effect] * 3 + [-effect]) for seed in range(5)}
    sample = Sample(values, 5)
    return Verdict(plan, claim, assess(sample, claim.relation, claim.margin, claim.statistic))


@pytest.fixture
def drawn():
    def draw(*verdicts):
        with figure_style():
            return forest(verdicts)

    yield draw
    plt.close("all")


def words(axes):
    return [text.get_text() for text in axes.texts]


def test_a_claim_on_two_scales_is_told_once_and_drawn_twice(drawn):
    (axes,) = drawn(verdict(PLAN, 4.8), verdict(OTHER, 0.8)).axes
    assert words(axes) == ["rule", BETTER.words, "+5.0  digits (vit)", "+1.0  fashion (vit)"]
    (axes,) = drawn(verdict(PLAN, 4.8), verdict(replace(OTHER, scale="digits"), 0.8)).axes
    assert words(axes)[2:] == ["+5.0  rule", "+1.0  rule-fashion"]


def test_shares_are_drawn_as_such_in_a_panel_of_their_own(drawn):
    points, shares = drawn(verdict(PLAN, 1, MOSTLY), verdict(PLAN, 4.8)).axes
    assert shares.get_xlabel() == SHARES
    assert points.get_xlabel() == "effect (points)"
    assert "75.0" in words(shares)
    zero, *_ = shares.lines
    assert set(zero.get_xdata()) == {50}


def test_both_intervals_are_drawn_the_narrower_thick(drawn):
    one = verdict(PLAN, 4.8)
    (axes,) = drawn(one).axes
    drawn_as = {tuple(line.get_xdata()): line.get_linewidth() for line in axes.lines}
    assert drawn_as[one.evidence.tost_interval] > drawn_as[one.evidence.interval]
    low, high = one.evidence.tost_interval
    assert one.evidence.interval[0] < low < high < one.evidence.interval[1]
