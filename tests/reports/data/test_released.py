"""Claims put to the points that the authors released."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ablations.study.catalogue import load_study
from ablations.study.claim import Claim
from ablations.study.metric import Metric, Table
from reports.data.paper import published_plan
from reports.data.released import released
from reports.data.verdicts import Verdict
from reports.pages.claims import in_released
from reports.statistics.evidence import Sample, assess

STITCHES = load_study("interpolation")[1].experiment.table
PLAN = replace(published_plan("deit"), table=STITCHES)
NONE = assess(Sample({}, 0, {}), "greater", 0, "mean", "points")


def test_what_is_read_off_one_network_is_told_for_each_family():
    rank = released(Claim("w", "rank_correlation"), PLAN)
    assert rank == pytest.approx(
        {"DeiT": 99.1, "Swin": 98.7, "ResNet": 95.2, "ResNet-Swin": 100, "LeViT": 50}, abs=0.05
    )
    step = released(Claim("w", "step", statistic="share"), PLAN)
    assert (step["DeiT"], step["Swin"]) == pytest.approx((62.857, 70.0), abs=0.001)
    assert released(Claim("w", "between", statistic="share"), PLAN)["Swin"] == 100


@pytest.mark.parametrize(
    ("claim", "table"),
    [
        (Claim("w", "rank_correlation", at={"epochs": "15"}), STITCHES),
        (Claim("w", "top1", than={"epochs": "15"}), STITCHES),
        (Claim("w", "anchor_gain"), STITCHES),
        (Claim("w", "accuracy"), STITCHES),
        (Claim("w", "rank_correlation"), None),  # of another experiment
        (Claim("w", "step"), Table("sizes", "size", [Metric("top")])),
    ],
)
def test_what_says_nothing_of_one_network_is_not_told(claim, table):
    plan = replace(PLAN, table=table)
    assert released(claim, plan) == {}
    assert in_released(Verdict(plan, claim, NONE)) == "\N{EN DASH}"


def test_the_claims_on_interpolation_stand_beside_the_authors_data():
    claims = load_study("interpolation")[1].claims
    told = [in_released(Verdict(PLAN, claim, NONE)) for claim in claims]
    assert sum("DeiT" in text for text in told) == 4
