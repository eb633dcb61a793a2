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
from ablations.launch.slurm.reasons import is_held, meaning_of, never_starts
from ablations.launch.slurm.resources import Resources
from ablations.launch.slurm.scheduler import STATES
from ablations.machine import count_cpus, gpu_names, visible_gpus
from ablations.runs.home import Home

POLL_SECONDS, LOOK_SECONDS = 0.2, 4.0  # at files, at the queue
START_SECONDS = 600.0  # in the queue
STARTED, STOPPED, BACK = "started.json", "stopped.json", "back.json"
SIGNAL_SECONDS = 60.0
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
        return {
            "host": platform.node(),
            "nodes": os.environ.get("SLURM_JOB_NUM_NODES", "1"),
            "python": platform.python_version(),
            "cpus": count_cpus(),
            "gpus": len(visible_gpus()),
            "gpu_names": gpu_names(),
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
        yield Check("start", False, _why_silent(directory))
        return
    yield Check("shared file system", True, f"{directory.parent} seen from {started['host']}")
    same = started["python"] == platform.python_version()
    yield Check("python", same, f"{started['python']} there, {platform.python_version()} here")
    yield from _hardware(started, resources)
    slurm("scancel", "--signal=USR2", job)
    stopped = _news(directory, STOPPED, SIGNAL_SECONDS) is not None
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
    names = "".join(f", {name}" for name in started["gpu_names"])
    yield Check("GPU", seen, f"{started['gpus']} seen, {wanted} asked for on each node{names}")


def _requeue(directory: Path) -> Check:
    """Whether the job comes back, by the way that workers take."""
    start = time.monotonic()
    back = _news(directory, BACK, NEWS_SECONDS)
    if back is not None:
        return Check("requeue", True, f"back after {time.monotonic() - start:.0f} s")
    return Check("requeue", False, _text(directory / TROUBLE) or _why_silent(directory))


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
    """What the job writes; None where nothing comes in time, or nothing more can come."""
    deadline, look = time.monotonic() + seconds, time.monotonic() + LOOK_SECONDS
    while time.monotonic() < deadline and not _text(directory / TROUBLE):
        found = read_json(directory / name, dict)
        if found is not None:
            return found
        if time.monotonic() > look:
            look = time.monotonic() + LOOK_SECONDS
            if _is_hopeless(*_state(directory)):
                time.sleep(LOOK_SECONDS)  # network file systems show late what is new
                break
        time.sleep(POLL_SECONDS)
    return read_json(directory / name, dict)


def _state(directory: Path) -> tuple[str, str]:
    """SLURM's words for the state of the job, empty when it is over, and for why it waits."""
    asking = ("squeue", "--noheader", f"--states={STATES}", "--format=%T|%r")
    rows = listed(*asking, f"--name={directory.name}")
    state, _, reason = rows[0].strip().partition("|") if rows else ("", "", "")
    return state, reason


def _is_hopeless(state: str, reason: str) -> bool:
    return not state or never_starts(reason) or is_held(reason)


def _why_silent(directory: Path) -> str:
    """Why nothing comes, by SLURM's queue or else by the last that the job printed."""
    state, reason = _state(directory)
    if state:
        meaning = meaning_of(reason)
        return f"nothing comes; the job is {state}: {reason}" + (f" ({meaning})" if meaning else "")
    texts = [path.read_text(errors="replace") for path in sorted(directory.glob("*_log.out"))]
    lines = [line for line in "\n".join(texts).splitlines() if line.strip()]
    own = [line for line in lines if not line.startswith("srun: ")]  # which tells the code alone
    if not lines:
        return f"the job ended and left no log: does its node see {directory.parent}?"
    return f"the job ended: {(own or lines)[-1].strip()}"


def _text(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""
