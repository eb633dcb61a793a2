"""A run is lost when the cluster says that its job is gone; unknown is not gone."""

from __future__ import annotations

import pytest

from ablations.files import write_json
from ablations.launch.launcher import take_snapshot
from ablations.launch.requests import requests_of
from ablations.launch.scheduler import QueuedJob
from ablations.launch.vanished import is_vanished, silent_jobs
from ablations.runs.directory import State
from ablations.runs.lease import STALE_SECONDS, Owner
from helpers.disks import age
from helpers.states import disown
from helpers.toy import EXPANSION, PLAN
from helpers.tracking import begin

KEY, OTHER, *_ = PLAN.runs


def work_elsewhere(home, key=KEY, silent=STALE_SECONDS / 2, job="12_3", launch="toy-1"):
    begin(home, key)
    disown(home, key, Owner("elsewhere", 1, ""))
    age(home.run(key).path / "claim-1.json", silent)
    log = str(home.launches / launch / "12_3_0_log.out")
    write_json(home.run(key).path / "attempt-1.json", {"job": job, "log": log})


def state(home, jobs, key=KEY):
    return take_snapshot(home, [key], home.observer(), lambda: jobs).runs[key].state


@pytest.mark.parametrize(
    ("jobs", "expected"),
    [
        ({}, State.LOST),
        ({"12_4": "toy-1"}, State.LOST),
        ({"12_3": "toy-2"}, State.LOST),  # the number was given away again
        ({"12_3": "toy-1"}, State.RUNNING),
        (None, State.RUNNING),  # nobody tells
    ],
)
def test_what_the_cluster_says(home, jobs, expected):
    work_elsewhere(home)
    assert state(home, jobs) == expected


def test_without_a_cluster_silence_must_be_long(home):
    work_elsewhere(home)
    assert take_snapshot(home, [KEY], home.observer()).runs[KEY].state is State.RUNNING


def not_asked():
    pytest.fail("the cluster was asked")


def test_a_sign_of_a_moment_ago_keeps_no_run_whose_job_is_gone(home):
    work_elsewhere(home, silent=0)
    assert state(home, {}) is State.LOST


def test_who_works_here_is_known_without_asking(home):
    begin(home, KEY)
    age(home.run(KEY).path / "claim-1.json", 3600)
    seen = home.run(KEY).inspect(home.observer())
    assert not is_vanished(home.run(KEY), seen, not_asked)


@pytest.mark.parametrize("told", [{}, {"job": None, "log": None}, {"job": "12", "log": "/12.out"}])
def test_an_attempt_that_was_no_job_of_a_launch_is_not_asked_for(home, told):
    work_elsewhere(home)
    (home.run(KEY).path / "attempt-1.json").unlink()
    if told.get("log"):
        told = {**told, "log": str(home.launches / "12_0_log.out")}
    write_json(home.run(KEY).path / "attempt-1.json", told)
    seen = home.run(KEY).inspect(home.observer())
    assert not is_vanished(home.run(KEY), seen, not_asked)


def test_a_damaged_record_tells_nothing(home):
    work_elsewhere(home)
    (home.run(KEY).path / "attempt-1.json").write_text("{")
    assert state(home, {}) is State.RUNNING


def test_a_job_that_ended_well_meanwhile_is_not_lost(home):
    """Its run was given back between the look at it and the answer of the cluster."""
    work_elsewhere(home)

    def ask():
        home.run(KEY).release(1)
        return {}

    assert take_snapshot(home, [KEY], home.observer(), ask).runs[KEY].state is State.WAITING


def test_a_later_attempt_counts_by_its_own_job(home):
    work_elsewhere(home)
    home.run(KEY).release(1)
    write_json(home.run(KEY).path / "claim-2.json", {"host": "elsewhere", "pid": 1, "birth": ""})
    assert state(home, {}) is State.RUNNING  # it has just begun, and told nothing yet


def test_a_cancelled_run_whose_job_is_gone_is_cancelled(home):
    work_elsewhere(home)
    (home.run(KEY).path / "cancelled-1").touch()
    assert state(home, {}) is State.CANCELLED


def test_workers_of_a_launch_that_knows_need_not_wait(home):
    work_elsewhere(home)
    work_elsewhere(home, OTHER, job="12_4")
    keys, observer = list(PLAN.runs), home.observer()
    seen = take_snapshot(home, keys, observer, lambda: {"12_4": "toy-1"}).runs
    requests = {one.key: one for one in requests_of(EXPANSION, seen)}
    as_workers_see_it = take_snapshot(home, keys, observer).runs
    assert as_workers_see_it[KEY].state is State.RUNNING
    assert requests[KEY].may_try(as_workers_see_it[KEY])
    assert not requests[OTHER].may_try(as_workers_see_it[OTHER])


def silent(home, **job):
    runs = take_snapshot(home, list(PLAN.runs), home.observer()).runs
    return silent_jobs(home, [QueuedJob("12_3", "toy-1", **job)], runs)


def test_a_job_is_silent_whose_run_is_lost_and_that_has_no_other(home):
    work_elsewhere(home, silent=2 * STALE_SECONDS)
    assert silent(home, state="SUSPENDED", node="n1") == {"12_3"}
    assert silent(home, state="PENDING") == set()  # it was killed, and queues again
    work_elsewhere(home, OTHER, silent=0)
    assert silent(home, state="RUNNING", node="n1") == set()
    (home.run(OTHER).path / "attempt-1.json").write_text("{")  # nobody knows of what job
    assert silent(home, state="RUNNING", node="n1") == {"12_3"}
