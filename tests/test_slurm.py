"""Launching on a real SLURM, whose controller and nodes run on this machine."""

from __future__ import annotations

import os
import signal

import pandas as pd
import pytest
from conftest import TINY, TOY, run_ablate
from slurm_cluster import SlurmCluster, missing
from test_machinery import check_complete, states, wait_for

from ablations.claim import latest_claim
from ablations.home import Home, State

pytestmark = pytest.mark.xdist_group("slurm")  # one cluster is enough
SLOW = ("run", TOY, "--cluster", "slurm", "--set", "pause=0.4", "--set", "steps=5")  # 6 runs of 2 s


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    reason = missing()
    if reason:
        pytest.skip(reason)
    cluster = SlurmCluster(tmp_path_factory.mktemp("slurm"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def home(tmp_path, cluster, monkeypatch):
    monkeypatch.setenv("SLURM_CONF", cluster.environment["SLURM_CONF"])
    monkeypatch.chdir(tmp_path)
    return Home(tmp_path / "home")


def submit(home, *arguments):
    done = run_ablate(home.root, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def finish(home, runs, seconds=120):
    wait_for(lambda: states(home)[State.DONE] == runs, seconds)
    assert run_ablate(home.root, "sync").returncode == 0


def test_a_study_gives_the_same_bits_on_slurm_as_here(home, tmp_path):
    local = Home(tmp_path / "local")
    assert run_ablate(local.root, "run", TINY).returncode == 0
    submit(home, "run", TINY, "--cluster", "slurm", "--workers", "3")
    finish(home, len(list(local.runs())))
    check_same_bits(home, local)


def check_same_bits(home, other):
    for run in home.runs():
        expected = pd.read_parquet(other.run(run.key).path / "stitch.parquet")
        found = pd.read_parquet(run.path / "stitch.parquet")
        pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_a_preempted_run_goes_on_and_gives_the_same_bits(home, cluster, tmp_path):
    one = ("run", TINY, "--set", "init=kaiming", "--set", "sampling=random", "--set", "epochs=60")
    submit(home, *one, "--cluster", "slurm", "--resource", "partition=low")
    wait_for(
        lambda: any(entry.get("step", 0) > 1 for run in home.runs() for entry in run.progress()), 60
    )
    cluster.run("sbatch", "--exclusive", "--nodes=3", "--wrap", "sleep 2")  # needs all nodes
    (run,) = home.runs()
    wait_for(lambda: (run.path / "released-1").exists())
    steps = max(entry.get("step", 0) for entry in run.progress())
    assert 1 < steps < 60
    finish(home, 1)
    again = [entry["step"] for entry in run.progress() if "step" in entry]
    assert again == list(range(1, 61))  # no epoch twice
    local = Home(tmp_path / "local")
    assert run_ablate(local.root, *one).returncode == 0
    check_same_bits(home, local)


def test_workers_are_submitted_once(home, cluster):
    submit(home, *SLOW, "--workers", "2")
    again = submit(home, *SLOW, "--workers", "2")
    assert "2 workers in the queue, 0 more wanted" in again
    finish(home, 6)
    check_complete(home, 6)
    assert "0 due" in submit(home, *SLOW)


def test_a_killed_worker_queues_again(home):
    submit(home, *SLOW, "--workers", "2")
    wait_for(lambda: states(home)[State.RUNNING] == 2)
    for run in home.runs():
        os.kill(latest_claim(run.path).owner.pid, signal.SIGKILL)
    finish(home, 6)
    check_complete(home, 6)
    assert sum(latest_claim(run.path).attempt == 2 for run in home.runs()) == 2


def test_cancelling_leaves_other_jobs_alone(home, cluster):
    other = cluster.run("sbatch", "--parsable", "--wrap", "sleep 60").strip()
    submit(home, *SLOW, "--workers", "2")
    wait_for(lambda: states(home)[State.RUNNING] == 2)
    cancelled = run_ablate(home.root, "cancel", "toy")
    assert cancelled.stdout == "2 workers of toy cancelled\n"
    wait_for(lambda: states(home)[State.RUNNING] == 0)
    assert states(home)[State.LOST] == 0  # they left in good order
    wait_for(lambda: cluster.run("squeue", "-h", "-o", "%i").split() == [other])
    cluster.run("scancel", other)
    submit(home, *SLOW)
    finish(home, 6)
    check_complete(home, 6)


def test_a_dry_run_prints_the_script_and_touches_nothing(home, tmp_path):
    (tmp_path / "cluster.toml").write_text(
        'default = {partition = "main", time = "1-12:30:00", setup = ["module load cuda"]}\n'
        'scale.small = {mem = "2G", environment = {GREETING = "two words"}}\n'
    )
    script = submit(home, *SLOW, "--workers", "4", "--dry-run", "--resource", "cpus=2")
    for line in (
        "#SBATCH --partition=main",
        "#SBATCH --time=2190",
        "#SBATCH --mem=2G",
        "#SBATCH --cpus-per-task=2",
        "#SBATCH --array=0-3%4",
        "module load cuda",
        "export GREETING='two words'",
    ):
        assert line in script.splitlines(), script
    assert not home.root.exists()
