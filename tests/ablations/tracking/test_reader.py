"""Reports need the store alone."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from math import inf, nan

import pytest

from ablations.errors import UserError
from ablations.runs.home import Home
from ablations.study.metric import Metric
from ablations.study.plans import save_plan
from ablations.tracking.collector import Collector
from ablations.tracking.reader import read_study
from helpers.toy import PLAN
from helpers.tracking import begin, do, give_store, tracked


@pytest.fixture
def home(tmp_path, empty_store):
    home = Home(tmp_path)
    give_store(home, empty_store)
    save_plan(home, PLAN)
    return home


def test_reports_need_no_run_directories(home):
    for key in PLAN.runs:
        do(home, key)
    Collector(home, home.tracking_uri).sync()
    shutil.rmtree(home.root / "runs")
    shutil.rmtree(home.root / "studies")
    study = read_study(home.tracking_uri, "toy")
    assert study.plan == PLAN
    assert study.runs.keys() == PLAN.runs.keys()
    assert all(len(run.table) == 4 for run in study.runs.values())
    with pytest.raises(UserError, match="did you mean toy"):
        read_study(home.tracking_uri, "tooy")


def test_what_is_not_finite_is_left_out_and_told(home):
    (key, other), values = list(PLAN.runs)[:2], {"up": inf, "down": -inf, "none": nan, "top1": 0.5}
    begin(home, other).log(1, 2, {"loss": inf, "up": 1.0})
    do(home, key)
    path = home.run(key).files / "result.json"
    result = json.loads(path.read_text())
    path.write_text(json.dumps(result | {"metrics": result["metrics"] | values}))
    Collector(home, home.tracking_uri).sync()
    study = read_study(home.tracking_uri, "toy")
    run = study.runs[key]
    found = {name: run.value(Metric(name)) for name in values}
    assert found == {"up": None, "down": None, "none": None, "top1": 0.5}
    assert {*study.not_finite} == {f"{name} of run {key}" for name in ("up", "down", "none")}
    own = tracked(home)[other].info.run_id
    begun = replace(run, run_id=own)
    assert begun.read_curve("loss") == {}
    assert begun.read_curve("up") == {1: 1.0}
