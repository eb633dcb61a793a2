"""Metrics that figures and claims can tell apart, and columns that tables can."""

from __future__ import annotations

import pytest

from ablations import Metric, Table
from ablations.errors import UserError
from ablations.study.experiment import Experiment
from ablations.study.metric import apart
from helpers.toy import STUDY


@pytest.mark.parametrize(
    ("metrics", "says"),
    [
        ([Metric("auc"), Metric("auc", "area")], "names two metrics 'auc'"),
        ([Metric("auc"), Metric("area", "auc", "%")], "calls two metrics 'auc'"),
    ],
)
def test_two_metrics_that_are_called_alike_are_refused(metrics, says):
    config = STUDY.experiment.config
    with pytest.raises(UserError, match=f"experiment 'x' {says}: give one another name"):
        Experiment("x", config, print, metrics=metrics)
    with pytest.raises(UserError, match=f"table 't' {says}"):
        Table("t", "row", metrics)
    Experiment("x", config, print, metrics=metrics[:1], table=Table("t", "row", metrics[:1]))


def test_a_users_name_beside_a_column_of_ours():
    names = ["seed", "top", "metric.seed", "metric.metric.seed"]
    found = apart(names, ["key", "seed"], "metric")
    assert found[:2] == ["metric.seed", "top"]
    assert len({"key", "seed", *found}) == 6


def test_of_a_name_of_any_length_as_much_is_shown_as_fits():
    name = f"val/{'layer.' * 30}loss"
    assert Metric(name).name == name
    assert len(Metric(name, unit="s").label) < 110
    assert Metric(name).title == f"{name[:50]}...{name[-50:]}"
    assert Metric(name, "loss").title == "loss"
