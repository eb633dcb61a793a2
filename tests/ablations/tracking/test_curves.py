"""What charts show of tables: the best at no more than so much, or means."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from ablations.study.metric import Metric
from ablations.study.presentation import Chart
from ablations.tracking.curves import GRID, curve_of
from helpers.toy import PLAN

BEST = Chart("top1", over="macs", table="stitch")
TABLE = pd.DataFrame({"macs": [400, 100, 200, 300], "top1": [0.9, 0.7, 0.8, 0.6]})


def test_the_best_of_what_costs_at_most_so_much():
    points = curve_of(PLAN, BEST).points(TABLE)
    assert points.index[0] == 100  # nothing is cheaper
    assert points.index[-1] == 400
    assert points.is_monotonic_increasing
    assert points.loc[[100, 196, 200, 300, 396, 400]].tolist() == [0.7, 0.7, 0.8, 0.8, 0.8, 0.9]


def test_less_is_better_where_the_score_says_so():
    scores = (Metric("top1", goal="minimize"),)
    plan = replace(PLAN, table=replace(PLAN.table, scores=scores))
    points = curve_of(plan, BEST).points(TABLE)
    assert points.loc[[100, 200, 300, 400]].tolist() == [0.7, 0.7, 0.6, 0.6]


def test_runs_of_equal_largest_cost_share_their_costs():
    """MLflow averages a group over equal x alone."""
    other = TABLE.assign(macs=[400, 150, 250, 333], top1=[float("nan"), 0.1, 0.2, 0.3])
    one, two = (curve_of(PLAN, BEST).points(table) for table in (TABLE, other))
    assert {*two.index} < {*one.index}
    assert len(one) == 3 * GRID / 4 + 1


def test_rows_without_a_goal_are_averaged_in_order():
    curve = curve_of(PLAN, Chart("width", over="macs", table="stitch"))
    table = pd.DataFrame({"macs": [3.0, 1, 3, float("nan")], "width": [1.0, 5, 2, 9]})
    assert curve.points(table).to_dict() == {1.0: 5.0, 3.0: 1.5}
    assert curve.metric == "charts/stitch: mean width by macs"
    assert curve.over_metric == "charts/stitch: macs"


@pytest.mark.parametrize("lacking", ["macs", "top1"])
def test_a_table_of_another_kind_gives_nothing(lacking):
    assert curve_of(PLAN, BEST).points(TABLE.drop(columns=lacking)).empty
    assert curve_of(PLAN, BEST).points(TABLE[:0]).empty
