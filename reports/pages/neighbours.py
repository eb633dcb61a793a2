"""Which studies a page leads to, beside that over all of them."""

from __future__ import annotations

from collections.abc import Iterable

from ablations.study.plan import Plan


def related(plan: Plan, plans: Iterable[Plan]) -> list[Plan]:
    """The other plans that ask the same of another scale, or change an axis of the same name.

    By the name of the study.
    """
    return [
        one
        for one in sorted(plans, key=lambda one: one.study)
        if one.study != plan.study
        and (_asked_by(one) == _asked_by(plan) or one.axes.keys() & plan.axes.keys())
    ]


def _asked_by(plan: Plan) -> str:
    return plan.variant.of if plan.variant else plan.study
