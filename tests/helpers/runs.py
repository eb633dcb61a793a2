"""What became of the runs of a home."""

from __future__ import annotations

from collections import Counter

from ablations.runs.directory import State
from ablations.runs.home import Home
from ablations.runs.lease import Observer
from ablations.tracking.names import KEY_TAG
from ablations.tracking.store import connect, search
from helpers.commands import SLOW


def tracked_keys(home: Home) -> Counter:
    client = connect(home.tracking_uri)
    experiment = client.get_experiment_by_name("toy")
    runs = search(client, experiment.experiment_id, "") if experiment else []  # none delivered yet
    return Counter(run.data.tags[KEY_TAG] for run in runs if KEY_TAG in run.data.tags)


def states(home: Home) -> Counter:
    observer = Observer()
    return Counter(run.inspect(observer).state for run in home.runs())


def go_on(ablate, home: Home) -> None:
    """The same command once more gets everything done."""
    second = ablate(*SLOW)
    assert second.returncode == 0, second.stdout + second.stderr
    check_complete(home, 6)


def check_complete(home: Home, runs: int) -> None:
    """Every run is committed once, tracked once and finished, and no half file is left."""
    assert states(home) == {State.DONE: runs}
    assert tracked_keys(home) == dict.fromkeys((run.key for run in home.runs()), 1)
    client = connect(home.tracking_uri)
    identity = client.get_experiment_by_name("toy").experiment_id
    statuses = {run.info.status for run in search(client, identity, "")}
    assert statuses == {"FINISHED"}
    halves = home.root.glob("runs/**/.*.tmp")
    # what is killed while it claims a run leaves what no one reads
    assert not [path for path in halves if not path.name.startswith(".claim-")]
