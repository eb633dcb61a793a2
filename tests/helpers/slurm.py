"""Steps that the tests of SLURM share."""

from __future__ import annotations

import pandas as pd
import pytest

from ablations.runs.directory import State
from helpers.commands import TOY, run_ablate
from helpers.processes import wait_for
from helpers.runs import states

SLOW = ("run", TOY, "--cluster", "slurm", "--set", "pause=1", "--set", "steps=5")  # 6 runs of 5 s
SLOW += ("--name", "slow")


def submit(home, *arguments):
    done = run_ablate(home.root, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def wait_for_two_at_work(home, cluster):
    try:
        wait_for(lambda: states(home)[State.RUNNING] == 2)
    except AssertionError:
        pytest.fail(f"{cluster.describe()}\n{told(home)}")


def finish(home, runs):
    try:
        wait_for(lambda: states(home)[State.DONE] == runs)
    except AssertionError:
        pytest.fail(told(home))
    assert run_ablate(home.root, "sync").returncode == 0


def told(home):
    """Where runs stand, and what workers printed."""
    logs = [f"{path}\n{path.read_text()[-1500:]}" for path in home.launches.glob("*/*.out")]
    records = [" ".join(path.name for path in run.path.iterdir()) for run in home.runs()]
    return "\n".join([str(states(home)), *records, *logs])


def check_same_bits(home, other):
    for run in home.runs():
        expected = pd.read_parquet(other.run(run.key).files / "stitch.parquet")
        found = pd.read_parquet(run.files / "stitch.parquet")
        pd.testing.assert_frame_equal(found, expected, check_exact=True)
