"""A grid on a real SLURM during which everything fails, at random by seed.

Each node has a host name of its own, so that runs really are taken over between hosts. What is only
held up (stopped, suspended, without room on the disk) goes on while the next faults strike.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import Counter
from contextlib import suppress
from functools import partial

import psutil
import pytest

from ablations.files import read_json
from ablations.runs.directory import State
from ablations.runs.home import Home
from ablations.runs.lease import Observer, latest_lease
from helpers.commands import TOY, command, run_ablate
from helpers.disks import fill
from helpers.runs import check_complete, states
from helpers.slurm import told
from helpers.slurm_cluster import NODES

pytestmark = pytest.mark.xdist_group("slurm-faults")  # beside the other tests of SLURM

RUNS = FAULTS = int(os.environ.get("CHAOS_SIZE", "16"))
STALE_SECONDS = 6  # so that a takeover between hosts comes while the test goes on
STOPPED_SECONDS = 15  # beyond that
FULL_SECONDS = float(os.environ.get("CHAOS_FULL_SECONDS", "15"))  # of the disk
STRIKING_SECONDS = 20 * FAULTS  # at most; a slow machine has fewer faults
PATIENCE_SECONDS = 300  # for what is left when the last has struck
GRID = ("run", TOY, "--cluster", "slurm", "--set", "pause=1.2", "--workers", "10")
GRID += ("--seeds", str(RUNS // 4))


class Chaos:
    """Faults at random by seed."""

    def __init__(self, home, cluster, seed):
        self.home, self.cluster, self.draw = home, cluster, random.Random(seed)
        self.done = Counter()
        self._later = []  # when, and what, to end a fault that lasts

    def strike(self):
        faults = (self.kill, self.kill, self.crash, self.crash, self.stop, self.stop)
        faults += (self.suspend, self.requeue, self.cancel, self.node)
        faults += (self.controller, self.launcher, self.collector, self.full_disk)
        fault = self.draw.choice(faults)
        self.done[fault.__name__] += fault()
        time.sleep(self.draw.uniform(0.2, 1.0))
        self.end_what_lasts(time.monotonic())
        if not self._job():  # whoever looks after the grid
            self.cluster.mend_nodes()
            self.launch()

    def end_what_lasts(self, now):
        for when, end in [one for one in self._later if one[0] <= now]:
            self._later.remove((when, end))
            end()

    def end_everything(self):
        """As an administrator would, of whatever a controller that was killed has forgotten."""
        self.end_what_lasts(float("inf"))
        self.cluster.mend_nodes()
        for job in self._jobs("RUNNING,SUSPENDED"):
            self._resume(job)

    def cancel_ghosts(self):
        """Jobs that a killed controller believes to run, on nodes where nothing does."""
        if self.cluster.is_idle():
            self.cluster.run("scancel", "--state=RUNNING", "--me")

    def _worker(self):
        """A process at work on a run: one that has a lease, or one that does the run for it."""
        running = [r for r in self.home.runs() if r.inspect(Observer()).state is State.RUNNING]
        leaders = [latest_lease(run.path).owner.pid for run in running]
        # on other hosts than this one the dead seem alive for a while
        leaders = [pid for pid in leaders if psutil.pid_exists(pid)]
        with suppress(psutil.NoSuchProcess):
            if leaders:
                leader = psutil.Process(self.draw.choice(leaders))
                return self.draw.choice([leader, *leader.children()])
        return None

    def _signal(self, number):
        worker = self._worker()
        with suppress(psutil.NoSuchProcess):
            if worker:
                worker.send_signal(number)
        return worker

    def kill(self):
        """A worker, or the process that does its run."""
        return bool(self._signal(signal.SIGKILL))

    def crash(self):
        number = self.draw.choice((signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS))
        return bool(self._signal(number))

    def stop(self):
        """Until others have taken the run over."""
        worker = self._signal(signal.SIGSTOP)

        def wake():
            with suppress(psutil.NoSuchProcess):
                worker.send_signal(signal.SIGCONT)

        if worker:
            self._later.append((time.monotonic() + STOPPED_SECONDS, wake))
        return bool(worker)

    def _jobs(self, states):
        return sorted(self.cluster.run("squeue", "-h", "-r", "-t", states, "-o", "%i").split())

    def _job(self):
        jobs = self._jobs("RUNNING")
        return self.draw.choice(jobs) if jobs else None

    def _control(self, *words):
        job = self._job()
        if job:
            self.cluster.run("scontrol", *words, job)
        return job

    def suspend(self):
        job = self._control("suspend")
        if job:
            self._later.append((time.monotonic() + STOPPED_SECONDS, partial(self._resume, job)))
        return bool(job)

    def _resume(self, job):
        """Its processes, too: the controller may have forgotten that they are stopped."""
        self.cluster.run("scontrol", "resume", job)
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.status() == psutil.STATUS_STOPPED and _job_of(process) == job:
                    process.send_signal(signal.SIGCONT)

    def requeue(self):
        """A running job, by an administrator."""
        return bool(self._control("requeue"))

    def cancel(self):
        """A running job, and a new launch for what it leaves."""
        job = self._job()
        if job:
            self.cluster.run("scancel", job)
            self.launch()
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
        return self._killed(*GRID)

    def collector(self):
        """Killed at any moment, while runs go on."""
        return self._killed("sync", "--follow")

    def _killed(self, *arguments):
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command(self.home.root, *arguments), **silent)

        def end():
            process.kill()
            process.wait()

        self._later.append((time.monotonic() + self.draw.uniform(0.3, 8), end))
        return True

    def full_disk(self):
        """No room for a while, and a new launch for what workers left."""
        if (self.home.root.parent / "filling").exists():
            return False
        filling = fill(self.home.root.parent)

        def make_room():
            filling.unlink()
            self.launch()

        self._later.append((time.monotonic() + FULL_SECONDS, make_room))
        return True

    def launch(self):
        """A launch; one that finds the disk full or the controller gone is a launch less."""
        return run_ablate(self.home.root, *GRID)


def _job_of(process):
    told = process.environ()
    return f"{told.get('SLURM_ARRAY_JOB_ID')}_{told.get('SLURM_ARRAY_TASK_ID')}"


@pytest.fixture
def chaos(tmp_path, cluster, monkeypatch):
    """Another seed, to try more or to see a failure again: CHAOS_SEED=7; more: CHAOS_SIZE=60."""
    cluster.clear()
    monkeypatch.setenv("SLURM_CONF", cluster.environment["SLURM_CONF"])
    monkeypatch.setenv("ABLATE_STALE_SECONDS", str(STALE_SECONDS))  # for jobs, and here:
    monkeypatch.setattr("ablations.runs.lease.STALE_SECONDS", STALE_SECONDS)
    monkeypatch.chdir(tmp_path)
    disk = tmp_path / "disk"
    disk.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", str(disk)]
    subprocess.run(mounting, check=True)
    made = Chaos(Home(disk / "home"), cluster, int(os.environ.get("CHAOS_SEED", "1")))
    try:
        yield made
    finally:
        made.end_everything()
        cluster.clear()
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.mark.timeout(STRIKING_SECONDS + 2 * PATIENCE_SECONDS)
def test_a_grid_ends_complete_whatever_fails(chaos):
    first = chaos.launch()
    assert first.returncode == 0, first.stderr
    home, begun = chaos.home, time.monotonic()
    while chaos.done.total() < FAULTS:
        if time.monotonic() - begun > STRIKING_SECONDS:
            break
        chaos.strike()
    chaos.end_everything()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while states(home)[State.DONE] < RUNS or not chaos.cluster.has_no_jobs():
        if time.monotonic() > deadline:
            pytest.fail(f"{chaos.done}\n{told(home)}\n{chaos.cluster.describe()}")
        chaos.end_everything()
        if states(home)[State.DONE] == RUNS:
            chaos.cancel_ghosts()
        last = chaos.launch()
        time.sleep(3)
    assert last.returncode == 0, last.stderr
    assert run_ablate(home.root, "sync").returncode == 0
    check_complete(home, RUNS)
    hosts = Counter()
    for run in home.runs():
        hosts.update(read_json(path, dict)["host"] for path in run.path.glob("claim-*.json"))
        assert run.damaged_files() == []
        assert {path.name for path in run.path.iterdir() if path.is_dir()} == {"result"}
    assert len(hosts) == NODES, hosts
    attempts = sum(latest_lease(run.path).attempt for run in home.runs())
    assert attempts > RUNS, (
        chaos.done,
        attempts,
    )  # some did strike: a slow machine idles at others
    print(chaos.done, f"{attempts} attempts, {time.monotonic() - begun:.0f} s")
