"""The launcher's decisions: what is due, what is given up, when it ends; the runs are real.

With workers that are processes: test_launcher_processes.py.
"""

from __future__ import annotations

from collections import Counter

import pytest

from ablations.errors import UserError
from ablations.launch.launcher import Launcher, check_ready, take_snapshot
from ablations.launch.scheduler import QueuedJob
from ablations.runs.directory import State
from ablations.study.expansion import expand
from helpers.scheduling import DetachedScheduler, HereScheduler
from helpers.toy import EXPANSION, PLAN, STUDY, TWO_SEEDS
from helpers.tracking import begin, do

KEYS = list(PLAN.runs)


def launcher_of(home, scheduler, expansion=EXPANSION):
    return Launcher(home, "toy", expansion, scheduler, {"git_sha": "abc"}, home.tracking_uri)


def failing(cure):
    return expand("toy", STUDY, seeds=1, changes={"fail_unless": [str(cure)]})


def nothing(snapshot):
    pass


def test_all_that_is_due_is_done_and_no_more(home):
    do(home, KEYS[0])
    scheduler = HereScheduler(home)
    seen = []
    snapshot = launcher_of(home, scheduler).run(seen.append)
    assert snapshot.count() == {State.DONE: 4}
    assert snapshot.attempts == 4
    assert [one.count()[State.DONE] for one in seen] == [1, 2, 3, 4]
    assert [len(keys) for keys in scheduler.submissions] == [3, 2, 1]
    assert KEYS[0] not in scheduler.submissions[0]
    told = {key: home.run(key).result()["provenance"].get("git_sha") for key in KEYS}
    assert told == {KEYS[0]: None, **dict.fromkeys(KEYS[1:], "abc")}


def test_what_fails_is_tried_once_a_launch(home, tmp_path):
    expansion, scheduler = failing(tmp_path / "cure"), HereScheduler(home)
    launcher = launcher_of(home, scheduler, expansion)
    assert launcher.given_up(launcher.snapshot()) == set()
    assert launcher.run(nothing).count() == {State.FAILED: 4}
    assert Counter(keys[0] for keys in scheduler.submissions) == dict.fromkeys(expansion.configs, 1)
    assert launcher.given_up(launcher.snapshot()) == set(expansion.configs)
    (tmp_path / "cure").touch()
    again = launcher_of(home, HereScheduler(home), expansion)
    assert again.given_up(again.snapshot()) == set()
    snapshot = again.run(nothing)
    assert snapshot.count() == {State.DONE: 4}
    assert snapshot.attempts == 8
    assert again.given_up(snapshot) == set()


def test_a_run_that_is_cancelled_meanwhile_is_given_up_and_not_the_others(home):
    launcher = launcher_of(home, HereScheduler(home))
    assert home.run(KEYS[1]).cancel(launcher.observer)
    assert launcher.given_up(launcher.snapshot()) == {KEYS[1]}
    assert launcher.run(nothing).count() == {State.DONE: 3, State.CANCELLED: 1}


def test_a_plan_may_grow_while_it_is_done(home):
    scheduler, grown = HereScheduler(home), TWO_SEEDS
    launcher = launcher_of(home, scheduler)

    def watch(snapshot):
        if snapshot.count()[State.DONE] == 2 and len(snapshot.runs) == 4:
            launcher.extend(grown)

    snapshot = launcher.run(watch)
    assert snapshot.runs.keys() == grown.configs.keys()
    assert snapshot.count() == {State.DONE: 8}
    assert [len(keys) for keys in scheduler.submissions] == [4, 3, 6, 5, 4, 3, 2, 1]


def test_growing_gives_no_second_try(home, tmp_path):
    """Were a request made anew, the attempt that failed would be one before the launch."""
    expansion = failing(tmp_path / "cure")
    launcher = launcher_of(home, HereScheduler(home), expansion)
    snapshot = launcher.run(nothing)
    launcher.extend(expansion)
    assert len(launcher.work.requests) == 4
    assert launcher.given_up(snapshot) == set(expansion.configs)


def test_trouble_ends_a_launch_only_where_runs_are_due(home):
    scheduler = HereScheduler(home)
    scheduler.trouble = "the disk is full"
    with pytest.raises(UserError, match="the disk is full"):
        launcher_of(home, scheduler).run(nothing)
    assert scheduler.submissions == []
    for key in KEYS:
        do(home, key)
    assert launcher_of(home, scheduler).run(nothing).count() == {State.DONE: 4}


@pytest.mark.parametrize("who", ["a run", "a job"])
def test_trouble_waits_for_those_that_still_work(home, who):
    scheduler, looks = HereScheduler(home), 0
    scheduler.trouble = "the disk is full"
    if who == "a run":
        begin(home, KEYS[0])
    else:
        scheduler.listed = [QueuedJob("7", "toy-1", "RUNNING")]

    def watch(snapshot):
        nonlocal looks
        looks += 1
        if looks == 3:
            scheduler.listed = []
            if who == "a run":
                home.run(KEYS[0]).release(1)

    with pytest.raises(UserError, match="the disk is full"):
        launcher_of(home, scheduler).run(watch)
    assert looks == (4 if who == "a run" else 3)  # the third look had begun


def test_a_job_that_is_no_worker_is_not_waited_for(home):
    for key in KEYS:
        do(home, key)
    scheduler = HereScheduler(home)
    scheduler.listed = [QueuedJob("8", "toy-1", "PENDING", works=False)]
    assert launcher_of(home, scheduler).run(nothing).count() == {State.DONE: 4}


def test_jobs_that_are_stuck_are_helped_first_and_told(home):
    """What was freed is looked up again; what cannot be freed is not waited for."""
    for key in KEYS:
        do(home, key)
    scheduler, told = HereScheduler(home), []
    scheduler.listed = [QueuedJob("8", "toy-1", "PENDING", reason="held", stuck=True)]
    scheduler.news = ["released job 8"]
    launcher = launcher_of(home, scheduler)
    launcher.tell = told.append
    assert launcher.run(nothing).count() == {State.DONE: 4}
    assert told == ["released job 8"]
    assert scheduler.looks == 2


def test_two_launches_do_not_submit_at_the_same_time(home, monkeypatch):
    monkeypatch.setattr("ablations.launch.launcher.LOCK_SECONDS", 0.1)
    scheduler = HereScheduler(home)

    def queue(study=None):
        with pytest.raises(UserError, match="another launch holds"):
            launcher_of(home, HereScheduler(home)).submit()
        return []

    monkeypatch.setattr(scheduler, "queue", queue)
    assert launcher_of(home, scheduler).submit().due == 4
    assert len(scheduler.submissions) == 1
    launcher_of(home, HereScheduler(home)).submit()  # the way is free again


@pytest.mark.parametrize(("kind", "cancelled"), [(HereScheduler, ["toy"]), (DetachedScheduler, [])])
def test_an_interruption_ends_workers_that_cannot_go_on_alone(home, kind, cancelled):
    scheduler = kind(home)

    def watch(snapshot):
        if snapshot.count()[State.DONE]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        launcher_of(home, scheduler).run(watch)
    assert scheduler.cancelled == cancelled
    assert take_snapshot(home, KEYS, home.observer()).count() == {State.DONE: 1, State.WAITING: 3}


def test_submitting_once_leaves_the_rest_to_the_workers(home):
    scheduler = HereScheduler(home)
    launcher = launcher_of(home, scheduler)
    longest = launcher.work.requests[0].key
    assert launcher.script().split() == [one.key for one in launcher.work.requests]
    assert not home.root.exists()
    submission = launcher.submit()
    (submitted,) = submission.submitted
    assert (submitted.workers, submitted.runs) == (1, 4)
    assert (submission.due, submission.jobs) == (4, [])
    assert launcher.snapshot().runs[longest].state is State.DONE
    assert len(launcher.script().split()) == 3


def test_only_runs_that_are_left_must_be_ready(home):
    do(home, KEYS[0])
    asked = []

    def refuse(config):
        asked.append(EXPANSION.experiment.key(config))
        raise UserError("the images are missing")

    experiment = type(STUDY.experiment)(
        name="toy", config=STUDY.experiment.config, function=print, check_ready=refuse
    )
    expansion = type(EXPANSION)(PLAN, experiment, EXPANSION.configs)
    with pytest.raises(UserError, match="the images are missing"):
        check_ready(home, expansion)
    assert asked == [KEYS[1]]
