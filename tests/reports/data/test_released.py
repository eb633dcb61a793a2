"""Claims put to the points that the authors released."""

from __future__ import annotations

import pytest

from ablations.study.catalogue import load_study
from ablations.study.claim import Claim
from reports.data.released import released
from reports.pages.claims import _released


def test_what_is_read_off_one_network_is_told_for_each_family():
    rank = released(Claim("w", "rank_correlation"))
    assert rank == pytest.approx(
        {"DeiT": 99.1, "Swin": 98.7, "ResNet": 95.2, "ResNet-Swin": 100, "LeViT": 50}, abs=0.05
    )
    step = released(Claim("w", "step", statistic="share"))
    assert (step["DeiT"], step["Swin"]) == pytest.approx((62.857, 70.0), abs=0.001)
    assert released(Claim("w", "between", statistic="share"))["Swin"] == 100


@pytest.mark.parametrize(
    "claim",
    [
        Claim("w", "rank_correlation", at={"epochs": "15"}),
        Claim("w", "top1", than={"epochs": "15"}),
        Claim("w", "anchor_gain"),
        Claim("w", "accuracy"),
    ],
)
def test_what_needs_more_than_one_network_is_not_told(claim):
    assert released(claim) == {}
    assert _released(claim) == "\N{EN DASH}"


def test_the_claims_on_interpolation_stand_beside_the_authors_data():
    told = [_released(claim) for claim in load_study("interpolation")[1].claims]
    assert sum("DeiT" in text for text in told) == 4
