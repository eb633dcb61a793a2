"""Claims that several scales judge, side by side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ablations.study.claim import Claim
from ablations.study.variant import Variant
from reports.data.paper import published_plan
from reports.data.verdicts import Verdict
from reports.pages.scales import NOTHING, by_scale, on_all, scales_table
from reports.statistics.evidence import Sample, assess

BETTER = Claim("Momentum is better", "top1", source="a paper")
PLAN = replace(published_plan("vit"), study="rule", scale="digits")
OTHER = replace(
    PLAN, study="rule-fashion", scale="fashion", variant=Variant("rule", scale="fashion")
)


def verdict(plan, effect, claim=BETTER, seeds=5):
    values = {seed: np.array([effect + seed / 10]) for seed in range(seeds)}
    return Verdict(plan, claim, assess(Sample(values, seeds)))


def test_a_claim_has_a_column_for_each_scale():
    table = scales_table([verdict(PLAN, 4.8), verdict(OTHER, -3.2)])
    assert table.to_dict("records") == [
        {
            "study": "rule",
            "claim": "Momentum is better",
            "who says so": "a paper",
            "in the authors' data": "\N{EN DASH}",
            "digits (vit)": "supported: +5.0 points [4.8, 5.2], 5 seeds",
            "fashion (vit)": "contradicted: \N{MINUS SIGN}3.0 points [\N{MINUS SIGN}3.2, "
            "\N{MINUS SIGN}2.8], 5 seeds",
            "on all": "differs",
        }
    ]


def test_what_all_say_and_what_one_leaves_open():
    def together(*effects):
        plans = PLAN, OTHER, replace(OTHER, scale="letters")
        found = [verdict(*one) for one in zip(plans, effects, strict=False)]
        return scales_table(found)["on all"].item()

    assert together(5, 5, 5) == "supported"
    assert together(-5, -5) == "contradicted"
    assert together(5, 5, -0.2) == "not decided on all"
    assert together(5, -0.2, -5) == "differs"


def test_what_one_scale_alone_judges_has_a_row_and_nothing_on_all():
    alone = Claim("Half the steps do", "top1")
    found = scales_table([verdict(PLAN, 5), verdict(PLAN, 5, alone), verdict(OTHER, 5)])
    assert list(found.claim) == ["Momentum is better", "Half the steps do"]
    assert list(found["on all"]) == ["supported", NOTHING]
    assert list(found["fashion (vit)"])[1] == NOTHING
    single = scales_table([verdict(PLAN, 5), verdict(PLAN, 5, alone)])
    assert list(single)[-1] == "digits (vit)"  # nothing is on all


def test_a_scale_without_runs_says_nothing_on_all():
    (found,) = by_scale([verdict(PLAN, 5), verdict(OTHER, 5, seeds=0)])
    assert on_all(found) == NOTHING
    waiting, done = verdict(PLAN, 5, seeds=0), verdict(replace(PLAN, study="again"), 5)
    (found,) = by_scale([waiting, replace(done, plan=replace(done.plan, study="rule"))])
    assert found["digits (vit)"].evidence.n_seeds == 5
