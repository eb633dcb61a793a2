"""Runs of the toy study, done or begun in this process, and what the store has of them."""

from __future__ import annotations

import io
import json
import shutil
from contextlib import redirect_stdout
from pathlib import Path

from ablations.launch.requests import Request
from ablations.launch.worker import Worker
from ablations.runs.attempt import Attempt
from ablations.runs.home import Home
from ablations.runs.lease import take_lease
from ablations.tracking.names import KEY_TAG
from ablations.tracking.store import connect, search
from helpers.doers import Here
from helpers.toy import STUDY, TWO_SEEDS


def do(
    home: Home,
    key: str,
    provenance: dict[str, str] | None = None,
    attempt: int = 1,
    doers: type[Here] = Here,
) -> None:
    """One run of the plan, in this process."""
    directory = home.run(key)
    directory.path.mkdir(parents=True, exist_ok=True)
    lease = take_lease(directory.path, attempt)
    experiment, config = STUDY.experiment, TWO_SEEDS.configs[key]
    request = Request(key, experiment.dump(config), 0, code=experiment.code_for(config))
    with lease.heartbeat(), redirect_stdout(io.StringIO()):  # what goes into a worker's log
        worker = Worker(home, STUDY.experiment, provenance or {}, doers(home, STUDY.experiment))
        worker.execute(request, lease)


def begin(home: Home, key: str) -> Attempt:
    """A run of the plan is at work; gives what it tells its progress to."""
    directory = home.run(key)
    directory.path.mkdir(parents=True)
    lease = take_lease(directory.path, 1)
    config = STUDY.experiment.dump(TWO_SEEDS.configs[key])
    content = {"experiment": "toy", "schema": 1, "config": config}
    (directory.path / "config.json").write_text(json.dumps(content))
    return Attempt(directory.begin(lease), home.cache, 1)


def tracked(home: Home, uri: str | None = None) -> dict:
    client = connect(uri or home.tracking_uri, create=True)
    identity = client.get_experiment_by_name("toy").experiment_id
    runs = [run for run in search(client, identity, "") if KEY_TAG in run.data.tags]
    assert len(runs) == len({run.data.tags[KEY_TAG] for run in runs})
    return {run.data.tags[KEY_TAG]: run for run in runs}


def give_store(home: Home, store: Path) -> None:
    """Let the home have a copy of a tracking store as its own."""
    home.root.mkdir(parents=True, exist_ok=True)
    shutil.copy(store, home.store)
