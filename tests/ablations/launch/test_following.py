"""`ablate sync --follow` ends when there is nothing left to wait for."""

from __future__ import annotations

import json

import pytest

from ablations.launch.following import PATIENCE_SECONDS, follow_runs
from ablations.runs.home import Home
from ablations.study.plans import save_plan
from ablations.tracking.collector import RefusedError
from helpers.toy import PLAN
from helpers.tracking import begin, do, give_store, tracked

KEYS = sorted(PLAN.runs)
SHOWN = []  # how far it was, each time it said so


class Clock:
    """Stands still but for sleeps, during which happens what was planned for then."""

    def __init__(self):
        self.now, self.planned = 1000.0, []

    def monotonic(self):
        return self.now

    def at(self, seconds, action):
        self.planned.append((self.now + seconds, action))

    def sleep(self, seconds):
        self.now += seconds
        for due in [one for one in self.planned if one[0] <= self.now]:
            self.planned.remove(due)
            due[1]()


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("ablations.launch.following.time", clock)
    return clock


@pytest.fixture
def home(tmp_path, clock, empty_store):
    home = Home(tmp_path / "home")
    give_store(home, empty_store)
    save_plan(home, PLAN)
    return home


def follow(home):
    return follow_runs(home, home.tracking_uri, everything=False, tell=print, show=SHOWN.append)


def test_it_ends_when_all_is_done_or_failed(home):
    for key in KEYS[1:]:
        do(home, key)
    begin(home, KEYS[0])
    failure = {"error": "ValueError: no", "traceback": "trace", "started": 1.0, "ended": 2.0}
    (home.run(KEYS[0]).path / "failure-1.json").write_text(json.dumps(failure))
    assert follow(home) == (4, 0)
    assert tracked(home)[KEYS[0]].info.status == "FAILED"


def test_it_says_how_far_it_is_and_counts_each_run_once(home, clock):
    SHOWN.clear()
    run = begin(home, KEYS[0])
    for key in KEYS[1:]:
        do(home, key)
    for step in (1, 2, 3):  # each changes what MLflow has of the run
        clock.at(10 * step, lambda step=step: run.log(step, 4, {"loss": 0.5}))
    clock.at(40, lambda: home.run(KEYS[0]).release(1))
    clock.at(41, lambda: do(home, KEYS[0], attempt=2))
    assert follow(home) == (4, 0)
    assert SHOWN[0] == "3 of 4 runs done, 1 running; looking at run 1 of 4, 0 brought up to date"
    assert SHOWN[-1] == "4 of 4 runs done; 4 brought up to date"
    assert len(SHOWN) > 15


def test_it_ends_where_runs_are_free_and_nobody_works(home, clock):
    do(home, KEYS[0])
    start = clock.now
    assert follow(home) == (1, 3)
    assert PATIENCE_SECONDS < clock.now - start < 2 * PATIENCE_SECONDS


def follow_past(home, clock, action):
    """Follow; nothing but what happens after three times the patience lets that end."""
    start = clock.now
    clock.at(3 * PATIENCE_SECONDS, action)
    found = follow(home)
    assert 3 * PATIENCE_SECONDS <= clock.now - start < 5 * PATIENCE_SECONDS
    return found


def test_it_waits_for_who_works(home, clock):
    begin(home, KEYS[0])
    free = follow_past(home, clock, lambda: home.run(KEYS[0]).release(1))[1]
    assert free == 4


def test_each_run_that_ends_renews_the_patience(home, clock):
    for number, key in enumerate(KEYS, start=1):
        clock.at(0.9 * number * PATIENCE_SECONDS, lambda key=key: do(home, key))
    assert follow(home)[1] == 0


def test_it_waits_while_nobody_knows_whether_slurm_has_workers(home, clock, monkeypatch, tmp_path):
    launch = home.launches / "toy-1/launch.json"
    launch.parent.mkdir(parents=True)
    launch.write_text(json.dumps({"name": "toy"}))
    monkeypatch.setenv("PATH", str(tmp_path))  # there is no SLURM
    assert follow_past(home, clock, launch.unlink) == (0, 4)


def test_a_run_that_cannot_be_tracked_does_not_hold_the_end_back(home):
    for key in KEYS:
        do(home, key)
    (home.run(KEYS[0]).files / "result.json").write_text("{")
    with pytest.raises(RefusedError, match="is not tracked: "):
        follow(home)
    assert [tracked(home)[key].info.status for key in KEYS[1:]] == ["FINISHED"] * 3
