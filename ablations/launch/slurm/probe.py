"""`ablate cluster check`: a small job that tries what the workers will need."""

from __future__ import annotations

import os
import platform
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from submitit.core.utils import DelayedSubmission

from ablations.files import read_json, write_json
from ablations.launch.launches import TROUBLE
from ablations.launch.slurm.batch import submit, worker_script
from ablations.launch.slurm.commands import listed, require_slurm, slurm
from ablations.launch.slurm.job import REQUEUE
from ablations.launch.slurm.resources import Resources
from ablations.runs.home import Home

POLL_SECONDS = 0.2
START_SECONDS = 600.0  # in the queue
STARTED, STOPPED, BACK = "started.json", "stopped.json", "back.json"
NEWS_SECONDS = 180.0  # SLURM's default makes a job wait two minutes before it runs again


@dataclass
class Probe:
    """What the job runs: reports, waits to be stopped, and reports again when it is back.

    Attributes:
        directory: for its reports; the first node writes them.
    """

    directory: str

    def __call__(self) -> None:
        """Report; the second time that is all."""
        path, first = Path(self.directory), os.environ.get("SLURM_PROCID", "0") == "0"
        if (path / STOPPED).exists():
            if first:
                write_json(path / BACK, {"host": platform.node()})
            return

        def stop(number: int, frame: object) -> None:
            """Leave as a worker whose time is over."""
            if first:
                write_json(path / STOPPED, {})
            sys.exit(REQUEUE)

        signal.signal(signal.SIGUSR2, stop)
        if first:
            write_json(path / STARTED, self.report())
        time.sleep(NEWS_SECONDS)

    def report(self) -> dict[str, Any]:
        """Where the job is, and what it has."""
        gpus = 0
        if shutil.which("nvidia-smi"):
            told = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)
            gpus = told.stdout.count("GPU ")
        return {
            "host": platform.node(),
            "nodes": os.environ.get("SLURM_JOB_NUM_NODES", "1"),
            "python": platform.python_version(),
            "cpus": len(os.sched_getaffinity(0)),
            "gpus": gpus,
        }


@dataclass(frozen=True)
class Check:
    """One thing that was tried; `works` is None where it does not matter here."""

    what: str
    works: bool | None
    detail: str


def check_cluster(home: Home, resources: Resources) -> Iterator[Check]:
    """Submit the probe, stop it, wait until it is back; the findings as they come.

    Raises:
        UserError: there is no SLURM, or it refuses the job.
    """
    require_slurm()
    directory = home.launches / f"probe-{uuid.uuid4().hex[:6]}"
    directory.mkdir(parents=True)
    try:
        job = _submit(directory, resources)
        yield Check("submission", True, f"job {job}")
        yield from _watch(directory, job, resources)
    finally:
        slurm("scancel", "--quiet", f"--name={directory.name}")
        shutil.rmtree(directory, ignore_errors=True)


def _submit(directory: Path, resources: Resources) -> str:
    script = worker_script(directory, resources, None)
    return submit(script, DelayedSubmission(Probe(str(directory.resolve()))))


def _watch(directory: Path, job: str, resources: Resources) -> Iterator[Check]:
    started = _news(directory, STARTED, START_SECONDS)
    if started is None:
        rows = listed("squeue", "--noheader", f"--name={directory.name}", "--format=%T %R")
        state = rows[0].strip() if rows else "it ended"
        yield Check("start", False, f"nothing came in {START_SECONDS:.0f} s: {state}")
        return
    yield Check("shared file system", True, f"{directory.parent} seen from {started['host']}")
    same = started["python"] == platform.python_version()
    yield Check("python", same, f"{started['python']} there, {platform.python_version()} here")
    yield from _hardware(started, resources)
    slurm("scancel", "--signal=USR2", job)
    stopped = _news(directory, STOPPED, NEWS_SECONDS) is not None
    lost = "USR2 did not reach the worker: it would lose what it did since its last checkpoint"
    yield Check("signals", stopped, "USR2 reached the worker" if stopped else lost)
    if stopped:
        yield _requeue(directory)
    yield _accounting(job)


def _hardware(started: Mapping[str, Any], resources: Resources) -> Iterator[Check]:
    """What the first node gives to the job, against what was asked for."""
    nodes, cpus = str(resources.nodes), resources.cpus * resources.processes
    if nodes != "1":
        yield Check("nodes", started["nodes"] == nodes, f"{started['nodes']} of {nodes}")
    enough = started["cpus"] >= cpus
    yield Check("CPUs", enough, f"{started['cpus']} usable, {cpus} asked for on each node")
    wanted = resources.gpu_count
    seen = started["gpus"] >= wanted if wanted else None
    yield Check("GPU", seen, f"{started['gpus']} seen, {wanted} asked for on each node")


def _requeue(directory: Path) -> Check:
    """Whether the job comes back, by the way that workers take."""
    start = time.monotonic()
    back = _news(directory, BACK, NEWS_SECONDS)
    waited = f"{time.monotonic() - start:.0f} s"
    if back is not None:
        return Check("requeue", True, f"back after {waited}")
    refused = _text(directory / TROUBLE)
    return Check("requeue", False, refused or f"not back after {waited}")


def _accounting(job: str) -> Check:
    works = False
    if shutil.which("sacct"):
        asking = ["sacct", "-n", "-j", job]
        done = subprocess.run(asking, capture_output=True, text=True, check=False)
        works = done.returncode == 0 and bool(done.stdout.strip())
    return Check(
        "accounting",
        works or None,
        "sacct knows the job" if works else "sacct does not know the job; nothing here needs it",
    )


def _news(directory: Path, name: str, seconds: float) -> Any:
    """What the job writes, or None where nothing comes."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not _text(directory / TROUBLE):
        found = read_json(directory / name)
        if found is not None:
            return found
        time.sleep(POLL_SECONDS)
    return None


def _text(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""
