"""`ablate cluster check`: a small job that tries what the workers will need."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import submitit
from submitit.helpers import DelayedSubmission

from ablations.files import read_json, write_json
from ablations.launch.slurm.batch import submitting
from ablations.launch.slurm.commands import require_slurm, slurm
from ablations.launch.slurm.resources import Resources
from ablations.runs.home import Home

POLL_SECONDS = 0.2
START_SECONDS = 600.0  # in the queue
NEWS_SECONDS = 180.0  # SLURM's default makes a job wait two minutes before it runs again


@dataclass
class Probe:
    """What the job runs: reports, waits to be stopped, and reports again when it is back."""

    directory: str

    def __call__(self) -> None:
        """Report; the second time that is all."""
        path = Path(self.directory)
        if (path / "stopped.json").exists():
            write_json(path / "back.json", {"host": platform.node()})
            return
        write_json(path / "started.json", self.report())
        time.sleep(NEWS_SECONDS)

    def report(self) -> dict[str, Any]:
        """Where the job is, and what it has."""
        gpus = 0
        if shutil.which("nvidia-smi"):
            listed = subprocess.run(
                ["nvidia-smi", "-L"], capture_output=True, text=True, check=False
            )
            gpus = listed.stdout.count("GPU ")
        return {
            "host": platform.node(),
            "python": platform.python_version(),
            "gpus": gpus,
            "job": os.environ.get("SLURM_JOB_ID", ""),
        }

    def checkpoint(self) -> DelayedSubmission:
        """Called by submitit when the signal came."""
        write_json(Path(self.directory) / "stopped.json", {})
        return DelayedSubmission(self)


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
    executor = submitit.SlurmExecutor(directory)
    executor.update_parameters(**resources.parameters(), job_name=directory.name)
    with submitting():
        return executor.submit(Probe(str(directory.resolve()))).job_id


def _watch(directory: Path, job: str, resources: Resources) -> Iterator[Check]:
    started = _news(directory / "started.json", START_SECONDS)
    if started is None:
        state = slurm("squeue", "--noheader", f"--job={job}", "--format=%T %R").strip()
        yield Check("start", False, f"nothing came in {START_SECONDS:.0f} s: {state or 'it ended'}")
        return
    yield Check("shared file system", True, f"{directory.parent} seen from {started['host']}")
    same = started["python"] == platform.python_version()
    yield Check("python", same, f"{started['python']} there, {platform.python_version()} here")
    enough = started["gpus"] >= resources.gpus if resources.gpus else None
    yield Check("GPU", enough, f"{started['gpus']} seen, {resources.gpus} asked for")
    slurm("scancel", "--signal=USR2", job)
    stopped = _news(directory / "stopped.json", NEWS_SECONDS)
    yield Check(
        "signals",
        stopped is not None,
        "USR2 reached the worker"
        if stopped is not None
        else "USR2 did not reach the worker: it would lose what it did since its last checkpoint",
    )
    if stopped is not None:
        start = time.monotonic()
        back = _news(directory / "back.json", NEWS_SECONDS)
        waited = f"{time.monotonic() - start:.0f} s"
        yield Check(
            "requeue",
            back is not None,
            f"back after {waited}" if back is not None else f"not back after {waited}",
        )
    yield _accounting(job)


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


def _news(path: Path, seconds: float) -> Any:
    """What the job writes, or None where nothing comes."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = read_json(path)
        if found is not None:
            return found
        time.sleep(POLL_SECONDS)
    return None
