"""Runs of earlier code are found, told and, when asked for, taken; never otherwise."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace

import pytest

from ablations.launch.launcher import take_snapshot
from ablations.launch.requests import requests_of
from ablations.study.earlier import accepting, earlier_runs
from ablations.study.expansion import expand
from ablations.study.plans import plan_of, save_plan
from helpers.toy import EXPANSION, PLAN, STUDY
from helpers.tracking import do


def edited(code="edited", **changes):
    """The toy study after an edit of its function."""
    experiment = replace(STUDY.experiment, **changes)
    experiment.__dict__["code"] = code
    return expand("toy", replace(STUDY, experiment=experiment), seeds=1)


@pytest.fixture
def done(home):
    """The keys of the runs that were done before the edit, one of them by a version that tells no
    code; the last one of the plan was not."""
    keys = list(PLAN.runs)[:-1]
    for key in keys:
        do(home, key)
    path = home.run(keys[0]).path / "config.json"
    content = json.loads(path.read_text())
    assert content.pop("code") == STUDY.experiment.code
    path.write_text(json.dumps(content))
    return keys


def test_what_was_done_by_other_code_is_found_and_taken_when_asked_for(home, done):
    later = edited()
    assert not later.configs.keys() & PLAN.runs.keys()
    earlier = earlier_runs(home, later)
    assert list(earlier.values()) == done
    taken = accepting(later, earlier)
    assert list(taken.plan.runs) == [*done, list(later.configs)[-1]]
    assert [cell.name for cell in taken.plan.cells] == [cell.name for cell in PLAN.cells]
    # nobody does them with this code, even where their results are gone
    seen = take_snapshot(home, list(taken.configs), home.observer()).runs
    assert [one.key for one in requests_of(taken, seen)] == [list(later.configs)[-1]]


def test_nothing_is_told_where_there_is_nothing_of_the_kind(home, done):
    assert earlier_runs(home, EXPANSION) == {}
    for other in (edited(schema=2), edited(name="other"), edited(code=None)):
        assert earlier_runs(home, other) == {}
    assert list(earlier_runs(home, edited(since={"pause": 0.0})).values()) == done


def test_the_latest_of_several_versions_counts(home, done):
    for code, moment in (("second", 2e9), ("third", 1e9)):
        version = edited(code)
        for key, old in zip(version.configs, done, strict=False):
            shutil.copytree(home.run(old).path, home.run(key).path)
            os.utime(home.run(key).result_file, (moment, moment))
    assert list(earlier_runs(home, edited()).values()) == list(edited("second").configs)[:-1]


def test_replicates_of_other_code_do_not_stay_in_the_plan(home):
    save_plan(home, expand("toy", STUDY, seeds=2).plan)
    later = edited().plan
    save_plan(home, later)
    assert plan_of(home, "toy") == later
    assert set(plan_of(home, "toy").earlier) > set(PLAN.runs)
