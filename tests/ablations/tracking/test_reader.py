"""Reports need the store alone."""

from __future__ import annotations

import shutil

import pytest

from ablations.errors import UserError
from ablations.runs.home import Home
from ablations.study.plans import save_plan
from ablations.tracking.collector import Collector
from ablations.tracking.reader import read_study
from helpers.toy import PLAN
from helpers.tracking import do, give_store


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
