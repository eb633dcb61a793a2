"""Doing a plan with SLURM: an array of workers that go on when the launcher has left.

A launch is a directory, HOME/launches/NAME, with what is to be done (`launch.json`,
`requests.json`, a copy of the user's study file) and the logs. Its jobs bear NAME. By that name
they are found again, so that nothing needs to be remembered between a submission and a crash, and
nobody else's jobs are ever touched.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import submitit
from submitit.core.utils import FailedJobError, FailedSubmissionError
from submitit.helpers import clean_env

from ablations.errors import UserError
from ablations.files import read_json, write_json
from ablations.launch.job import KILLED, TROUBLE, Worker, track
from ablations.launch.slurm.resources import Resources
from ablations.launch.snapshot import snapshot_code, snapshot_study
from ablations.launch.worker import Request
from ablations.runs.home import Home

COMMAND_SECONDS = 60
SYNC = "-sync"  # ends the name of the job that tracks
SYNC_MINUTES = 60
ALIVE = "PENDING,CONFIGURING,RUNNING,SUSPENDED,REQUEUED"
TIME_OUTS = 1000  # submitit's limit, which must not be the one that ends the work
# killed (kill -9, or out of memory), a worker queues again; ten times, lest a run that always kills
# its worker goes on for ever
REQUEUE_KILLED = " || ".join(
    (
        f"[ $? -ne {KILLED} ]",
        '[ "${SLURM_RESTART_COUNT:-0}" -ge 10 ]',
        'scontrol requeue "$SLURM_JOB_ID"',
    )
)


@dataclass(frozen=True)
class Launch:
    """One submission: a directory of HOME/launches, whose name its jobs bear."""

    path: Path

    @property
    def name(self) -> str:
        """The name of its jobs."""
        return self.path.name

    @property
    def study(self) -> str:
        """The study's name."""
        return str(read_json(self.path / "launch.json")["name"])

    @property
    def trouble(self) -> str | None:
        """Why a worker ended before the work was done, if one did."""
        path = self.path / TROUBLE
        return path.read_text() if path.exists() else None

    @property
    def keys(self) -> set[str]:
        """Of the runs that it is to do."""
        return {request["key"] for request in read_json(self.path / "requests.json")}


def launches_of(home: Home, study: str) -> list[Launch]:
    """Those of a study that were submitted from this home, the last one last."""
    found = [Launch(path.parent) for path in sorted(home.launches.glob("*/launch.json"))]
    return [launch for launch in found if launch.study == study]


@dataclass(frozen=True)
class Order:
    """An array of workers that do the same with the same resources.

    Attributes:
        requests: what they do, in this order.
        resources: of each worker.
        workers: how many the array has.
        at_once: how many of them may run at once.
        most: runs that a worker does, or None: until none is left.
    """

    requests: Sequence[Request]
    resources: Resources
    workers: int
    at_once: int
    most: int | None = None


class Cluster:
    """Submits launches of one home, and finds their jobs again."""

    def __init__(self, home: Home) -> None:
        """Raises UserError where there is no SLURM."""
        self.home = home
        if shutil.which("sbatch") is None or shutil.which("srun") is None:
            raise UserError("this machine has no SLURM (no sbatch); --cluster local needs none")

    def queue(self, study: str) -> dict[Launch, Counter[str]]:
        """How many workers of each launch are in SLURM's states, such as PENDING or RUNNING.

        Launches that have none are left out.

        Raises:
            UserError: SLURM does not answer.
        """
        launches = {launch.name: launch for launch in launches_of(self.home, study)}
        if not launches:
            return {}
        which = (f"--name={','.join(launches)}", f"--states={ALIVE}")
        listed = slurm("squeue", "--noheader", "--array", "--format=%j %T", *which)
        found: dict[Launch, Counter[str]] = {}
        for name, state in (line.split() for line in listed.splitlines()):
            found.setdefault(launches[name], Counter())[state] += 1
        return found

    def cancel(self, study: str) -> int:
        """Cancel the jobs of a study; returns how many workers waited or ran.

        Running ones leave a checkpoint, for which SLURM's KillWait gives them time.
        """
        queue = self.queue(study)
        for launch in launches_of(self.home, study) if queue else ():
            slurm("scancel", "--quiet", f"--name={launch.name}")
            slurm("scancel", "--quiet", f"--name={launch.name}{SYNC}")
        return sum(states.total() for states in queue.values())

    def script(self, study: str, order: Order) -> str:
        """The batch script of a launch that is not made."""
        launch = Launch(self.home.launches / f"{study}-TIME")
        executor = _executor(launch, order)
        if order.workers > 1:
            array = f"0-{order.workers - 1}%{order.at_once}"
            executor.update_parameters(additional_parameters={"requeue": True, "array": array})
        return executor._make_submission_file_text(executor._submitit_command_str, "")

    def submit(
        self, content: dict[str, Any], orders: Sequence[Order], sync_to: str | None
    ) -> list[Launch]:
        """Submit a launch for each order.

        Arguments:
            content: study (what `load_study` takes), name, provenance.
            sync_to: the tracking store that a last job brings up to date, or None.

        Raises:
            UserError: SLURM refuses; nothing is left behind.
        """
        code = snapshot_code(self.home)
        launches: list[Launch] = []
        arrays: set[str] = set()
        try:
            for order in orders:
                launches.append(self._prepare(content, order, code))
                arrays |= self._submit(launches[-1], order, code)
            if sync_to:
                with submitting():
                    last = _last_executor(launches[-1], orders[-1], code, arrays)
                    last.submit(track, str(self.home.root.resolve()), sync_to)
        except UserError:
            for launch in launches:
                shutil.rmtree(launch.path)
                with suppress(UserError):  # the first reason is the one to tell
                    slurm("scancel", "--quiet", f"--name={launch.name}")
            raise
        return launches

    def _prepare(self, content: dict[str, Any], order: Order, code: Path | None) -> Launch:
        """The directory of a launch, with all that its workers read."""
        stamp = time.strftime("%Y%m%d-%H%M%S")
        launch = Launch(self.home.launches / f"{content['name']}-{stamp}-{uuid.uuid4().hex[:6]}")
        launch.path.mkdir(parents=True)
        study = snapshot_study(content["study"], launch.path)
        write_json(launch.path / "requests.json", [asdict(one) for one in order.requests])
        more = {"study": study, "code": code and str(code), "submitted": time.time()}
        write_json(launch.path / "launch.json", {**content, **more})
        return launch

    def _submit(self, launch: Launch, order: Order, code: Path | None) -> set[str]:
        """Submit the workers, as several arrays where the cluster's are smaller; their numbers."""
        worker = Worker(str(launch.path.resolve()), str(self.home.root.resolve()), order.most)
        executor = _executor(launch, order, code)
        jobs: list[submitit.Job[None]] = []
        for count in _parts(order.workers, _largest_array()):
            with submitting(), executor.batch():
                jobs += [executor.submit(worker) for _ in range(count)]
        return {job.job_id.partition("_")[0] for job in jobs}


@contextmanager
def submitting() -> Iterator[None]:
    """Without the variables of a job in which the launcher may run, but with the way to SLURM.

    Raises:
        UserError: SLURM refuses the job.
    """
    configuration = os.environ.get("SLURM_CONF")
    try:
        with clean_env():
            if configuration is not None:
                os.environ["SLURM_CONF"] = configuration
            yield
    except (FailedJobError, FailedSubmissionError) as error:
        raise UserError(f"SLURM refuses the job: {_reason(str(error))}") from None


def _executor(launch: Launch, order: Order, code: Path | None = None) -> submitit.SlurmExecutor:
    executor = submitit.SlurmExecutor(launch.path, max_num_timeout=TIME_OUTS)
    parameters = order.resources.parameters()
    if code:
        path = f"export PYTHONPATH={shlex.quote(str(code))}${{PYTHONPATH:+:$PYTHONPATH}}"
        parameters["setup"] = [*parameters["setup"], path]
    executor.update_parameters(
        **parameters,
        job_name=launch.name,
        array_parallelism=order.at_once,
        stderr_to_stdout=True,
        teardown=[REQUEUE_KILLED],
        additional_parameters={"requeue": True},
    )
    return executor


def _last_executor(
    launch: Launch, order: Order, code: Path | None, arrays: set[str]
) -> submitit.SlurmExecutor:
    """For one small job when all arrays have ended, however they did."""
    last = submitit.SlurmExecutor(launch.path)
    kept = ("partition", "account", "qos", "setup")
    parameters = _executor(launch, order, code).parameters
    last.update_parameters(
        **{name: value for name, value in parameters.items() if name in kept},
        job_name=f"{launch.name}{SYNC}",
        time=SYNC_MINUTES,
        stderr_to_stdout=True,
        dependency=f"afterany:{':'.join(sorted(arrays))}",
        additional_parameters={"kill-on-invalid-dep": "yes"},
    )
    return last


def _largest_array() -> int:
    """How many jobs an array may have here."""
    found = re.search(r"MaxArraySize\s*=\s*(\d+)", slurm("scontrol", "show", "config"))
    return max(1, int(found[1]) - 1) if found else 1000


def _parts(count: int, largest: int) -> Iterator[int]:
    """`count` in numbers of at most `largest`."""
    while count > 0:
        yield min(count, largest)
        count -= largest


def slurm(*command: str) -> str:
    """Standard output of a SLURM command.

    Raises:
        UserError: it fails, or does not answer.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_SECONDS)
    except subprocess.TimeoutExpired:
        late = f"{command[0]} took more than {COMMAND_SECONDS} s"
        raise UserError(f"SLURM does not answer: {late}") from None
    if done.returncode != 0:
        raise UserError(f"{command[0]} failed: {_reason(done.stderr)}")
    return done.stdout


def _reason(text: str) -> str:
    """SLURM's last words, without its prefix."""
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1].removeprefix("sbatch: error: ") if lines else "it does not say why"
