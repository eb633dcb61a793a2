"""Which studies a page leads to."""

from __future__ import annotations

from dataclasses import replace

from ablations.study.variant import Variant
from reports.data.paper import published_plan
from reports.pages.neighbours import related

PLAN = replace(published_plan("vit"), study="rule", axes={"rule": ("a", "b")})


def test_the_same_question_elsewhere_and_the_same_axis_are_related():
    elsewhere = replace(PLAN, study="rule-fashion", variant=Variant("rule", scale="fashion"))
    axis = replace(PLAN, study="all", axes={"rule": ("a",), "rate": ("1",)})
    other = replace(PLAN, study="rate", axes={"rate": ("1",)})
    assert related(PLAN, [PLAN, elsewhere, axis, other]) == [axis, elsewhere]
    assert related(elsewhere, [PLAN, other]) == [PLAN]
