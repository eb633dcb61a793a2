"""Runs of the toy study, done or begun in this process, and what the store has of them."""

from __future__ import annotations

import json

from ablations.launch.worker import Request, execute
from ablations.runs.attempt import Attempt
from ablations.runs.home import Home
from ablations.runs.lease import take_lease
from ablations.tracking.store import KEY_TAG, connect, search
from helpers.toy import PLAN, STUDY


def do(home: Home, key: str, provenance: dict[str, str] | None = None) -> None:
    """One run of the plan, in this process."""
    directory = home.run(key)
    directory.path.mkdir(parents=True, exist_ok=True)
    lease = take_lease(directory.path, 1)
    request = Request(key, STUDY.experiment.dump(PLAN.runs[key].config), 0)
    with lease.heartbeat():
        execute(STUDY.experiment, request, directory, lease, home.cache, provenance or {})


def begin(home: Home, key: str) -> Attempt:
    """A run of the plan is at work; gives what it tells its progress to."""
    directory = home.run(key)
    directory.path.mkdir(parents=True)
    take_lease(directory.path, 1)
    config = STUDY.experiment.dump(PLAN.runs[key].config)
    content = {"experiment": "toy", "schema": 1, "config": config}
    (directory.path / "config.json").write_text(json.dumps(content))
    return Attempt(directory.path, home.cache, 1)


def tracked(home: Home, uri: str | None = None) -> dict:
    client = connect(uri or home.tracking_uri, create=True)
    identity = client.get_experiment_by_name("toy").experiment_id
    runs = [run for run in search(client, identity, "") if KEY_TAG in run.data.tags]
    assert len(runs) == len({run.data.tags[KEY_TAG] for run in runs})
    return {run.data.tags[KEY_TAG]: run for run in runs}
