"""Measures of a run, calculated by hand."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from ablations import Metric, Table
from ablations.errors import UserError
from ablations.study.expansion import expand
from ablations.tracking.reader import TrackedRun
from helpers.tables import table
from helpers.toy import PLAN
from reports.data.measures import MEASURES, differences, unit_of
from studies.overview import STUDY

STITCHES = expand("overview", STUDY).plan
NAMES = ["top1", "top1_before", *MEASURES]


def run_of(*arguments, metrics=None, **options):
    return TrackedRun("", "", metrics or {}, {}, table(*arguments, **options))


def compare(name, run, other=None, pairing="route", plan=STITCHES):
    return differences(name, run, other, pairing, plan)


def test_measures_by_hand():
    run = run_of([0.5, 0.9, 0.6, 0.8], before=[0.6, 0.9, 0.7, 0.1])
    other = run_of([0.5, 0.9, 0.5, 0.9])
    found = {name: compare(name, run) for name in NAMES}
    assert found["top1"] == pytest.approx([60, 80])
    assert found["top1_before"] == pytest.approx([70, 10])
    assert found["loss"] == pytest.approx([10, -70])
    assert found["anchor_gain"] == pytest.approx([-10, 0])
    assert found["step"] == pytest.approx([10, 20, 10])
    assert found["rank_correlation"] == pytest.approx([100])
    assert found["between"] == pytest.approx([10, 10])
    assert found["above_chord"] == pytest.approx([-10 / 3, 10 / 3])
    assert found["front_area"] == pytest.approx([100 * (0.5 + 0.6 + 0.8) / 3])
    assert compare("top1", run, other) == pytest.approx([10, -10])
    # at 250 MACs the other is half-way between its stitches of 50 % and 90 %
    shifted = run_of([0.5, 0.9, 0.6, 0.8], macs=(100, 400, 250, 350))
    assert compare("top1", shifted, other, "macs") == pytest.approx([60 - 70])
    with pytest.raises(UserError, match="no measure 'top': did you mean top1"):
        compare("top", run)


def test_metrics_are_measures_in_their_unit():
    run, other = (TrackedRun("", "", {"auc": value}, {}, pd.DataFrame()) for value in (0.9, 0.85))
    auc = Metric("auc", unit="%", goal="maximize", factor=100)
    plan = replace(PLAN, table=None, metrics=(auc,))
    assert compare("auc", run, other, "", plan) == pytest.approx([5])
    assert unit_of("auc", plan, run.table) == "points"
    undeclared = replace(plan, metrics=())
    assert compare("auc", run, other, "", undeclared) == pytest.approx([0.05])
    assert unit_of("auc", undeclared, run.table) == ""
    with pytest.raises(UserError, match="no measure 'loss': choose from: auc"):  # no stitches
        compare("loss", run, plan=plan)


def test_a_metric_of_the_name_of_a_measure_is_the_experiments_own():
    run = run_of([0.5, 0.9, 0.6, 0.8], metrics={"loss": 3.0})
    plan = replace(STITCHES, metrics=(Metric("loss"),))
    assert compare("loss", run, plan=plan) == [3]


def test_an_undeclared_metric_of_the_name_of_a_measure_has_no_unit_of_it():
    run = TrackedRun("", "", {"loss": 3.0}, {}, pd.DataFrame())
    plan = replace(PLAN, table=None, metrics=())
    assert compare("loss", run, plan=plan) == [3]
    assert unit_of("loss", plan, run.table) == ""
    stitches = replace(plan, table=STITCHES.table)
    assert unit_of("loss", stitches, table([0.5, 0.9, 0.6, 0.8])) == "points"


def test_the_column_that_tells_rows_apart_may_be_their_cost_or_score():
    sizes = pd.DataFrame({"size": [2, 4, 8]})
    run, other = TrackedRun("", "", {}, {}, sizes), TrackedRun("", "", {}, {}, sizes + 1)
    rows = Table("sizes", "size", [Metric("size")], cost=Metric("size"))
    plan = replace(PLAN, table=rows, metrics=())
    assert compare("size", run, plan=plan) == pytest.approx([2, 4, 8])
    assert compare("size", run, other, "size", plan) == pytest.approx([0, 0])  # of those in range
