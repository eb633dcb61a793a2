"""A home in which a run is in each state there is."""

from __future__ import annotations

import json
from dataclasses import asdict

from ablations.files import write_json
from ablations.runs.attempt import Attempt
from ablations.runs.directory import State
from ablations.runs.home import Home
from ablations.runs.lease import Owner, latest_lease
from ablations.study.plan import Plan
from helpers.toy import TWO_SEEDS
from helpers.tracking import begin, do

ERROR = "ValueError: it diverged [/bold]"  # no markup


def disown(home: Home, key: str, owner: Owner) -> None:
    """As if somebody else had the run's lease."""
    lease = latest_lease(home.run(key).path)
    lease.file.write_text(json.dumps(asdict(owner)))


def dead_owner() -> Owner:
    me = Owner.current()
    return Owner(me.host, me.pid, "an earlier process of this number")


def fail(home: Home, key: str) -> None:
    begin(home, key)
    failure = {"error": ERROR, "traceback": "trace", "started": 1.0, "ended": 2.0}
    write_json(home.run(key).path / "failure-1.json", failure)


def one_of_each(home: Home) -> tuple[Plan, dict[State, str], Attempt]:
    """The plan, the key of a run in each state, and what the running one tells its progress to."""
    keys = dict(zip(State, TWO_SEEDS.plan.runs, strict=False))
    do(home, keys[State.DONE])
    running = begin(home, keys[State.RUNNING])
    fail(home, keys[State.FAILED])
    begin(home, keys[State.LOST])
    disown(home, keys[State.LOST], dead_owner())
    home.run(keys[State.CANCELLED]).cancel(home.observer())
    begin(home, keys[State.DAMAGED])
    (home.run(keys[State.DAMAGED]).path / "claim-1.json").write_text("{}")
    return TWO_SEEDS.plan, keys, running
