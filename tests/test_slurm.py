"""Launching on a real SLURM, whose controller and nodes run on this machine."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pandas as pd
import psutil
import pytest
from conftest import TINY, TOY, command, fill, run_ablate
from slurm_cluster import NODES, SlurmCluster, missing
from test_machinery import check_complete, states, tracked_keys, wait_for

from ablations.claim import Observer, latest_claim
from ablations.home import Home, State
from ablations.session import follow_runs
from ablations.slurm import Cluster

pytestmark = pytest.mark.xdist_group("slurm")  # one cluster is enough
SLOW = ("run", TOY, "--cluster", "slurm", "--set", "pause=1", "--set", "steps=5")  # 6 runs of 5 s


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


def wait_for_two_at_work(home, cluster):
    try:
        wait_for(lambda: states(home)[State.RUNNING] == 2, 90)
    except AssertionError:
        queue, nodes = cluster.run("squeue", "-r", "-t", "all"), cluster.run("sinfo", "-N", "-l")
        logs = [log.read_text() for log in home.launches.glob("*/*.out")]
        pytest.fail("\n".join((str(states(home)), queue, nodes, *logs)))


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


TWO = ("run", TINY, "--set", "sampling=random", "--set", "epochs=40")
ON_GPUS = (*TWO, "--cluster", "slurm", "--workers", "1", "--resource", "gpus=2")


def check_alike(home, other):
    """Several processes add up in another order: equal but for rounding."""
    for run in home.runs():
        expected = pd.read_parquet(other.run(run.key).path / "stitch.parquet")
        found = pd.read_parquet(run.path / "stitch.parquet")
        columns = ["loss", "loss_before", "visits"]
        pd.testing.assert_frame_equal(found[columns], expected[columns], rtol=1e-3)


def process_of(job, rank):
    """The Python process of that rank in a job."""
    wanted = {"SLURM_JOB_ID": job, "SLURM_PROCID": str(rank)}
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            inside = "submitit.core._submit" in process.cmdline()
            if inside and wanted.items() <= process.environ().items():
                return process
    raise AssertionError(f"job {job} has no process {rank}")


def test_the_gpus_of_a_node_share_each_run_and_survive_together(home, cluster, tmp_path):
    """One process a GPU; told to stop, and later robbed of one of them, they go on."""
    submit(home, *ON_GPUS)

    def epochs():
        return [e["step"] for run in home.runs() for e in run.progress() if "step" in e]

    wait_for(lambda: len(epochs()) > 2, 90)
    (job,) = cluster.run("squeue", "-h", "-O", "JobID").split()
    first = next(home.runs())
    assert (first.attempt(1)["gpus"], first.attempt(1)["cpus"]) == (2, 2)
    cluster.run("scancel", "--signal=USR2", job)
    wait_for(lambda: (first.path / "released-1").exists())
    assert not list(first.path.glob("failure-*"))
    seen = len(epochs())
    wait_for(lambda: len(epochs()) > seen + 2, 90)
    assert epochs() == list(range(1, len(epochs()) + 1))  # no epoch twice, none left out
    process_of(job, 1).kill()
    finish(home, 2, 180)
    assert not list(home.root.glob("runs/*/failure-*"))
    assert max(latest_claim(run.path).attempt for run in home.runs()) == 3
    local = Home(tmp_path / "local")
    assert run_ablate(local.root, *TWO).returncode == 0
    check_alike(home, local)


def test_runs_that_ask_for_more_get_workers_of_their_own(home, cluster, tmp_path):
    (tmp_path / "cluster.toml").write_text('[level.rate."0.2"]\ncpus = 3\nmem = "300M"\n')
    said = submit(home, *SLOW, "--workers", "2")
    assert "submitted 2 workers for 4 runs (resources by default)" in said
    assert "submitted 2 workers for 2 runs (cpus 3, mem 300M)" in said
    assert "0 more wanted" in submit(home, *SLOW, "--workers", "2")
    finish(home, 6)
    check_complete(home, 6)
    asked = {cell["key"]: cell["levels"]["rate"] for cell in home.plan("toy")["cells"]}
    for run in home.runs():
        assert run.attempt(1)["cpus"] == (3 if asked[run.key] == "0.2" else 1)


def test_one_run_is_cancelled_and_its_worker_takes_the_next(home, cluster):
    submit(home, *SLOW, "--workers", "1")
    wait_for(lambda: states(home)[State.RUNNING] == 1, 60)
    (running,) = home.runs()
    planned = {cell["key"] for cell in home.plan("toy")["cells"]}
    waiting = (planned - {running.key}).pop()
    for key in (running.key, waiting):
        assert run_ablate(home.root, "cancel", key).stdout == f"run {key} cancelled\n"
    wait_for(lambda: states(home) == {State.DONE: 4, State.CANCELLED: 2}, 90)
    assert latest_claim(running.path).attempt == 1
    assert "there is nothing to cancel" in run_ablate(home.root, "cancel", waiting).stdout
    wait_for(lambda: not Cluster(home).queue("toy"))
    submit(home, *SLOW)
    finish(home, 6)
    check_complete(home, 6)


def test_a_worker_goes_on_when_its_time_is_over(home, cluster, tmp_path):
    """SLURM's own limit, of a minute; it looks every half minute."""
    long = ("run", TINY, "--set", "init=kaiming", "--set", "sampling=random")
    minute = ("--resource", "time=1", "--resource", "signal_seconds=30")
    submit(home, *long, "--set", "epochs=100000", "--cluster", "slurm", *minute)
    wait_for(lambda: any(home.root.glob("runs/*/released-1")), 120)
    (run,) = home.runs()
    seen = len(run.progress())
    wait_for(lambda: len(run.progress()) > seen + 10, 90)
    log = Path(run.attempt(2)["log"]).read_text()
    assert "this job is timed-out" in log
    epochs = [entry["step"] for entry in run.progress() if "step" in entry]
    assert epochs == list(range(1, len(epochs) + 1))  # no epoch twice, none left out
    run_ablate(home.root, "cancel", run.key)
    wait_for(lambda: states(home) == {State.CANCELLED: 1})


def test_workers_are_submitted_once(home, cluster):
    submit(home, *SLOW, "--workers", "2")
    again = submit(home, *SLOW, "--workers", "2")
    assert "2 workers in the queue, 0 more wanted" in again
    finish(home, 6)
    check_complete(home, 6)
    assert "0 due" in submit(home, *SLOW)


def test_a_killed_worker_queues_again(home, cluster):
    submit(home, *SLOW, "--workers", "2")
    wait_for_two_at_work(home, cluster)
    for run in home.runs():
        os.kill(latest_claim(run.path).owner.pid, signal.SIGKILL)
    finish(home, 6)
    check_complete(home, 6)
    assert sum(latest_claim(run.path).attempt == 2 for run in home.runs()) == 2


def test_what_one_sees_meanwhile_and_afterwards(home, cluster):
    submit(home, *SLOW, "--workers", "2", "--pack", "3", "--sync", "after")
    wait_for_two_at_work(home, cluster)
    (study,) = json.loads(run_ablate(home.root, "status", "--json").stdout)
    assert study["workers"] == {"RUNNING": 2}
    assert study["states"]["running"] == 2
    running = next(run for run in study["runs"] if run["state"] == "running")
    followed = run_ablate(home.root, "logs", running["key"][:8], "--follow")
    assert f"{running['key']}: attempt 1 begins" in followed.stdout
    wait_for(lambda: states(home)[State.DONE] == 6, 60)
    # the last job tracks by itself
    wait_for(lambda: Path(home.root / "mlflow.db").exists() and len(tracked_keys(home)) == 6, 60)
    wait_for(lambda: not Cluster(home).queue("toy"))
    check_complete(home, 6)
    jobs = {run.attempt(1)["job"] for run in home.runs()}
    assert len(jobs) == 2  # three runs each
    assert "no attempt 2" in run_ablate(home.root, "logs", running["key"], "--attempt", "2").stderr


def test_edits_do_not_reach_what_waits(home, cluster, tmp_path):
    study = tmp_path / "mine.py"
    tell = 'import ablations\n    (run.directory / "where").write_text(ablations.__file__)\n    '
    study.write_text(Path(TOY).read_text().replace("x, speed, trace", f"{tell}x, speed, trace", 1))
    blocker = cluster.run("sbatch", "--parsable", "--exclusive", "--nodes=3", "--wrap", "sleep 60")
    wait_for(lambda: "R" in cluster.run("squeue", "-h", "-o", "%t"))
    submit(home, "run", str(study), "--cluster", "slurm", "--seeds", "1")
    study.write_text("raise RuntimeError")
    cluster.run("scancel", blocker.strip())
    finish(home, 4)
    code = {(run.path / "where").read_text() for run in home.runs()}
    (snapshot,) = (home.root / "code").iterdir()
    assert code == {str(snapshot / "ablations/__init__.py")}


def test_the_check_tries_what_workers_need(home, cluster):
    done = run_ablate(home.root, "cluster", "check", "--resource", "partition=low")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = dict(line.split(":", 1)[0].split(None, 1)[::-1] for line in done.stdout.splitlines())
    works = ("submission", "shared file system", "python", "signals", "requeue")
    assert lines == dict.fromkeys(works, "works") | {"GPU": "-", "accounting": "-"}
    assert list(home.launches.iterdir()) == []
    refused = run_ablate(home.root, "cluster", "check", "--resource", "partition=none")
    assert refused.returncode == 2
    assert "invalid partition" in refused.stderr


def test_cancelling_leaves_other_jobs_alone(home, cluster):
    other = cluster.run("sbatch", "--parsable", "--wrap", "sleep 60").strip()
    submit(home, *SLOW, "--workers", "2")
    wait_for_two_at_work(home, cluster)
    cancelled = run_ablate(home.root, "cancel", "toy")
    assert cancelled.stdout == "2 workers of toy cancelled\n"
    wait_for(lambda: states(home)[State.RUNNING] == 0)
    assert states(home) == {State.WAITING: 2}  # they left in good order
    wait_for(lambda: cluster.run("squeue", "-h", "-o", "%i").split() == [other])
    cluster.run("scancel", other)
    submit(home, *SLOW)
    finish(home, 6)
    check_complete(home, 6)


def test_tracking_waits_for_workers_in_the_queue(home, cluster, monkeypatch, capsys):
    monkeypatch.setattr("ablations.session.PATIENCE_SECONDS", 2.0)
    blocker = cluster.run("sbatch", "--parsable", "--exclusive", "--nodes=3", "--wrap", "sleep 60")
    wait_for(lambda: "R" in cluster.run("squeue", "-h", "-o", "%t"))
    submit(home, *SLOW)
    following = threading.Thread(target=follow_runs, args=(home, home.tracking_uri))
    following.start()
    following.join(8)
    assert following.is_alive()
    run_ablate(home.root, "cancel", "toy")
    following.join(60)
    assert not following.is_alive()
    assert "6 runs are free and no worker is left" in capsys.readouterr().out
    cluster.run("scancel", blocker.strip())


def test_clearing_up_leaves_the_queue_alone(home, cluster):
    submit(home, *SLOW, "--workers", "2")
    wait_for_two_at_work(home, cluster)
    for path in (*home.launches.glob("*/launch.json"), *(home.root / "code").iterdir()):
        os.utime(path, (0, 0))  # as if of long ago
    assert submit(home, "gc", "--runs", "--yes") == f"nothing to free in {home.root}\n"
    assert submit(home, "repair", "--yes") == f"nothing to mend in {home.root}\n"
    finish(home, 6)
    wait_for(lambda: not Cluster(home).queue("toy"))
    freed = submit(home, "gc", "--yes")
    assert "code copies that no launch uses" in freed
    assert "launches that have ended" in freed
    assert not list(home.launches.glob("*/launch.json"))


def test_slurm_that_does_not_answer(home, monkeypatch, tmp_path):
    submit(home, *SLOW, "--workers", "2")
    finish(home, 6)
    (tmp_path / "slurm.conf").write_text("ClusterName=none\nSlurmctldHost=localhost\n")
    monkeypatch.setenv("SLURM_CONF", str(tmp_path / "slurm.conf"))
    status = run_ablate(home.root, "status", "toy")
    assert "6 done, SLURM does not answer" in status.stdout
    refused = run_ablate(home.root, *SLOW)
    assert refused.returncode == 2
    assert refused.stderr.startswith("ablate: squeue failed: ")


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


def test_a_full_disk_ends_workers_and_blames_no_run(home, cluster, small_disk, monkeypatch):
    """Tracked elsewhere: MLflow's own store would be half the disk."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", home.tracking_uri)
    home.root.mkdir()
    home = Home(small_disk / "home")
    submit(home, *SLOW, "--workers", "2")
    wait_for_two_at_work(home, cluster)
    filling = fill(small_disk)
    wait_for(lambda: not Cluster(home).queue("toy"), 60)
    assert states(home)[State.FAILED] == 0
    lack = f"only 0 MB are free on the disk of {home.root}; make room"
    assert lack in run_ablate(home.root, "status", "toy").stdout
    refused = run_ablate(home.root, *SLOW)
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"ablate: {lack}")
    filling.unlink()
    submit(home, *SLOW)
    finish(home, 6)


def test_a_run_directory_that_cannot_be_written_is_left_for_later(home, cluster, read_only):
    plan = json.loads(run_ablate(home.root, "plan", TOY, *SLOW[4:], "--json").stdout)
    locked = home.run(plan["cells"][0]["key"]).path
    with read_only(locked):
        submit(home, *SLOW, "--workers", "2")
        wait_for(lambda: not Cluster(home).queue("toy"), 90)
        assert states(home) == {State.DONE: 5, State.WAITING: 1}
        said = run_ablate(home.root, "status", "toy").stdout
        assert f"a worker ended early: 1 runs cannot be tried: cannot write {locked}/" in said
    submit(home, *SLOW)
    finish(home, 6)
    check_complete(home, 6)


FAULTS = 30
GRID = ("run", TOY, "--cluster", "slurm", "--set", "pause=1.5", "--workers", "6")


class Chaos:
    """Faults at random by seed."""

    def __init__(self, home, cluster, seed):
        self.home, self.cluster, self.draw = home, cluster, random.Random(seed)
        self.done = Counter()
        self.seeds = 10

    @property
    def grid(self):
        return (*GRID, "--seeds", str(self.seeds))

    @property
    def runs(self):
        return 4 * self.seeds

    def strike(self):
        fault = self.draw.choice(
            (
                *(self.kill, self.kill, self.requeue, self.cancel, self.node),
                *(self.controller, self.launcher, self.sync),
            )
        )
        self.done[fault.__name__] += fault()
        time.sleep(self.draw.uniform(0.2, 1.0))

    def kill(self):
        """A worker."""
        running = [r for r in self.home.runs() if r.inspect(Observer()).state is State.RUNNING]
        if running:
            with suppress(ProcessLookupError):
                os.kill(latest_claim(self.draw.choice(running).path).owner.pid, signal.SIGKILL)
        return bool(running)

    def _job(self):
        jobs = self.cluster.run("squeue", "-h", "-r", "-t", "RUNNING", "-o", "%i").split()
        return self.draw.choice(sorted(jobs)) if jobs else None

    def requeue(self):
        """A running job, by an administrator."""
        job = self._job()
        if job:
            self.cluster.run("scontrol", "requeue", job)
        return bool(job)

    def cancel(self):
        """A running job, and a new launch for what it leaves."""
        job = self._job()
        if job:
            self.cluster.run("scancel", job)
            submit(self.home, *self.grid)
        return bool(job)

    def node(self):
        """Down for a moment, with all that runs on it."""
        name = f"NodeName=n{self.draw.randint(1, NODES)}"
        self.cluster.run("scontrol", "update", name, "State=DOWN", "Reason=chaos")
        time.sleep(1)
        self.cluster.run("scontrol", "update", name, "State=RESUME")
        return True

    def controller(self):
        """Killed, and back after a few seconds."""
        self.cluster.restart_controller(self.draw.uniform(0, 3))
        return True

    def launcher(self):
        """Killed at any moment of a launch."""
        return self._killed(*self.grid)

    def sync(self):
        """A collector, killed at any moment."""
        return self._killed("sync")

    def _killed(self, *arguments):
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command(self.home.root, *arguments), **silent)
        time.sleep(self.draw.uniform(0.3, 6))
        process.kill()
        process.wait()
        return True


def test_a_grid_ends_complete_whatever_fails(home, cluster):
    """Another seed, to try more or to see a failure again: CHAOS_SEED=7."""
    seed = int(os.environ.get("CHAOS_SEED", "1"))
    chaos = Chaos(home, cluster, seed)
    submit(home, *chaos.grid)
    while chaos.done.total() < FAULTS:
        if states(home)[State.DONE] == chaos.runs:  # a fast machine: more to do
            chaos.seeds += 5
            submit(home, *chaos.grid)
        chaos.strike()
    deadline = time.monotonic() + 300
    while states(home)[State.DONE] < chaos.runs:
        assert time.monotonic() < deadline, (seed, chaos.done, states(home))
        submit(home, *chaos.grid)
        time.sleep(5)
    assert run_ablate(home.root, "sync").returncode == 0
    check_complete(home, chaos.runs)
    attempts = sum(latest_claim(run.path).attempt for run in home.runs())
    assert attempts > chaos.runs + FAULTS / 3, (chaos.done, attempts)  # they did strike
