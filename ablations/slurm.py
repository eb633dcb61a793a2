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
import signal
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import submitit
from submitit.core.utils import FailedJobError, FailedSubmissionError
from submitit.helpers import DelayedSubmission, clean_env

from ablations.errors import UserError
from ablations.files import read_json, write_json
from ablations.home import Home
from ablations.resources import Resources
from ablations.run import Stopped
from ablations.snapshot import snapshot_code, snapshot_study
from ablations.worker import Request, work

COMMAND_SECONDS = 60
SYNC = "-sync"  # ends the name of the job that tracks
SYNC_MINUTES = 60
ALIVE = "PENDING,CONFIGURING,RUNNING,SUSPENDED,REQUEUED"
TIME_OUTS = 1000  # submitit's limit, which must not be the one that ends the work
# killed (137: kill -9, or out of memory), a worker queues again; ten times, lest a run that always
# kills its worker goes on for ever
REQUEUE_KILLED = (
    '[ $? -ne 137 ] || [ "${SLURM_RESTART_COUNT:-0}" -ge 10 ] || scontrol requeue "$SLURM_JOB_ID"'
)


@dataclass
class Worker:
    """What a job runs: the requests of a launch, until none is left.

    Attributes:
        launch: its directory.
        home: the home directory.
        most: how many runs it does at most, or None.
    """

    launch: str
    home: str
    most: int | None

    def __call__(self) -> None:
        """Work. On USR2 (time over, or preempted) leave a checkpoint and queue again."""
        content = read_json(Path(self.launch) / "launch.json")
        requests = [Request(**one) for one in read_json(Path(self.launch) / "requests.json")]
        requeue = signal.signal(signal.SIGUSR2, _stop)  # before: submitit's handler
        signal.signal(signal.SIGTERM, _stop)
        try:
            work(self.home, content["study"], requests, content["provenance"], self.most)
        except Stopped as stopped:
            if stopped.signal != signal.SIGUSR2:
                raise
            # now that nothing is half done
            signal.signal(signal.SIGUSR2, requeue)
            signal.raise_signal(signal.SIGUSR2)

    def checkpoint(self) -> DelayedSubmission:
        """What submitit queues again: the same, for the run directories hold all state."""
        return DelayedSubmission(self)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped(number)


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


class Cluster:
    """Submits launches of one home, and finds their jobs again."""

    def __init__(self, home: Home) -> None:
        """Raises UserError where there is no SLURM."""
        self.home = home
        if shutil.which("sbatch") is None or shutil.which("srun") is None:
            raise UserError("this machine has no SLURM (no sbatch); --cluster local needs none")

    def launches(self, study: str) -> list[Launch]:
        """Those of a study that were submitted from this home."""
        found = [Launch(path.parent) for path in sorted(self.home.launches.glob("*/launch.json"))]
        return [launch for launch in found if launch.study == study]

    def queue(self, study: str) -> Counter[str]:
        """How many of a study's workers are in each of SLURM's states, such as PENDING, RUNNING.

        Raises:
            UserError: SLURM does not answer.
        """
        names = ",".join(launch.name for launch in self.launches(study))
        if not names:
            return Counter()
        listed = slurm(
            "squeue", "--noheader", "--array", "--format=%T", f"--name={names}", f"--states={ALIVE}"
        )
        return Counter(listed.split())

    def cancel(self, study: str) -> int:
        """Cancel the jobs of a study; returns how many workers waited or ran.

        Running ones leave a checkpoint, for which SLURM's KillWait gives them time.
        """
        count = sum(self.queue(study).values())
        for launch in self.launches(study) if count else ():
            slurm("scancel", "--quiet", f"--name={launch.name}")
            slurm("scancel", "--quiet", f"--name={launch.name}{SYNC}")
        return count

    def script(self, resources: Resources, study: str, tasks: int, workers: int) -> str:
        """The batch script of a launch that is not made."""
        launch = Launch(self.home.launches / f"{study}-TIME")
        executor = _executor(launch, resources, workers)
        if tasks > 1:
            executor.update_parameters(
                additional_parameters={"requeue": True, "array": f"0-{tasks - 1}%{workers}"}
            )
        return executor._make_submission_file_text(executor._submitit_command_str, "")

    def submit(
        self,
        content: dict[str, Any],
        requests: Sequence[Request],
        resources: Resources,
        tasks: int,
        workers: int,
        most: int | None,
        sync_to: str | None,
    ) -> Launch:
        """Submit an array of `tasks` workers (several, where the cluster's arrays are smaller).

        Arguments:
            content: study (what `load_study` takes), name, provenance.
            workers: how many of them may run at once.
            most: runs a worker does, or None: until none is left.
            sync_to: the tracking store that a last job brings up to date, or None.

        Raises:
            UserError: SLURM refuses; nothing is left behind.
        """
        stamp = time.strftime("%Y%m%d-%H%M%S")
        launch = Launch(self.home.launches / f"{content['name']}-{stamp}-{uuid.uuid4().hex[:6]}")
        code = snapshot_code(self.home)
        launch.path.mkdir(parents=True)
        content = {**content, "study": snapshot_study(content["study"], launch.path)}
        write_json(launch.path / "requests.json", [asdict(one) for one in requests])
        write_json(launch.path / "launch.json", {**content, "submitted": time.time()})
        worker = Worker(str(launch.path.resolve()), str(self.home.root.resolve()), most)
        executor = _executor(launch, resources, workers, code)
        jobs: list[submitit.Job[None]] = []
        try:
            for count in _parts(tasks, _largest_array()):
                with submitting(), executor.batch():
                    jobs += [executor.submit(worker) for _ in range(count)]
            if sync_to:
                arrays = {job.job_id.partition("_")[0] for job in jobs}
                with submitting():
                    _after(executor, launch, arrays).submit(_sync, worker.home, sync_to)
        except UserError:
            shutil.rmtree(launch.path)
            slurm("scancel", "--quiet", f"--name={launch.name}")
            raise
        return launch


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


def _executor(
    launch: Launch, resources: Resources, workers: int, code: Path | None = None
) -> submitit.SlurmExecutor:
    executor = submitit.SlurmExecutor(launch.path, max_num_timeout=TIME_OUTS)
    parameters = resources.parameters()
    if code:
        path = f"export PYTHONPATH={shlex.quote(str(code))}${{PYTHONPATH:+:$PYTHONPATH}}"
        parameters["setup"] = [*parameters["setup"], path]
    executor.update_parameters(
        **parameters,
        job_name=launch.name,
        array_parallelism=workers,
        stderr_to_stdout=True,
        teardown=[REQUEUE_KILLED],
        additional_parameters={"requeue": True},
    )
    return executor


def _after(
    executor: submitit.SlurmExecutor, launch: Launch, arrays: set[str]
) -> submitit.SlurmExecutor:
    """For one small job when all arrays have ended, however they did."""
    last = submitit.SlurmExecutor(launch.path)
    kept = ("partition", "account", "qos", "setup")
    last.update_parameters(
        **{name: value for name, value in executor.parameters.items() if name in kept},
        job_name=f"{launch.name}{SYNC}",
        time=SYNC_MINUTES,
        stderr_to_stdout=True,
        dependency=f"afterany:{':'.join(sorted(arrays))}",
        additional_parameters={"kill-on-invalid-dep": "yes"},
    )
    return last


def _sync(home: str, uri: str) -> None:
    """What the last job does."""
    from ablations.tracking import Collector

    # made by the launch; a path that only its host knows is no reason to make another here
    Collector(Home(Path(home)), uri, create=False).sync()


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
