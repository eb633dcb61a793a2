"""`ablate sync --follow` ends when there is nothing left to wait for."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager

import pytest

from ablations.launch.following import follow_runs
from ablations.runs.home import Home
from ablations.study.plans import save_plan
from ablations.tracking.collector import RefusedError
from helpers.toy import PLAN
from helpers.tracking import begin, do, give_store, tracked

KEYS = sorted(PLAN.runs)
PATIENCE = 1.5  # seconds


@pytest.fixture
def home(tmp_path, monkeypatch, empty_store):
    monkeypatch.setattr("ablations.launch.following.SYNC_SECONDS", 0.1)
    monkeypatch.setattr("ablations.launch.following.PATIENCE_SECONDS", PATIENCE)
    home = Home(tmp_path / "home")
    give_store(home, empty_store)
    save_plan(home, PLAN)
    return home


def follow(home):
    return follow_runs(home, home.tracking_uri, everything=False, tell=print)


def test_it_ends_when_all_is_done_or_failed(home):
    for key in KEYS[1:]:
        do(home, key)
    begin(home, KEYS[0])
    failure = {"error": "ValueError: no", "traceback": "trace", "started": 1.0, "ended": 2.0}
    (home.run(KEYS[0]).path / "failure-1.json").write_text(json.dumps(failure))
    assert follow(home) == (4, 0)
    assert tracked(home)[KEYS[0]].info.status == "FAILED"


def test_it_ends_where_runs_are_free_and_nobody_works(home):
    do(home, KEYS[0])
    start = time.monotonic()
    assert follow(home) == (1, 3)
    assert time.monotonic() - start > PATIENCE


@contextmanager
def following(home):
    """Inside, runs are followed, and after twice the patience still are; afterwards that ends."""
    thread = threading.Thread(target=follow, args=(home,))
    thread.start()
    thread.join(2 * PATIENCE)
    assert thread.is_alive()
    yield
    thread.join(30)
    assert not thread.is_alive()


def test_it_waits_for_who_works(home):
    begin(home, KEYS[0])
    with following(home):
        (home.run(KEYS[0]).path / "released-1").touch()


def test_it_waits_while_nobody_knows_whether_slurm_has_workers(home, monkeypatch, tmp_path):
    launch = home.launches / "toy-1/launch.json"
    launch.parent.mkdir(parents=True)
    launch.write_text(json.dumps({"name": "toy"}))
    monkeypatch.setenv("PATH", str(tmp_path))  # there is no SLURM
    with following(home):
        launch.unlink()


def test_a_run_that_cannot_be_tracked_does_not_hold_the_end_back(home):
    for key in KEYS:
        do(home, key)
    (home.run(KEYS[0]).path / "result.json").write_text("{")
    with pytest.raises(RefusedError, match="1 runs cannot be tracked"):
        follow(home)
    assert [tracked(home)[key].info.status for key in KEYS[1:]] == ["FINISHED"] * 3
