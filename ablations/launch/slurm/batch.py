"""Batch jobs: an array of workers, and the job that tracks when all have ended."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import submitit
from submitit.core.utils import FailedJobError, FailedSubmissionError
from submitit.helpers import clean_env

from ablations.errors import UserError
from ablations.launch.job import track
from ablations.launch.requests import Request
from ablations.launch.slurm.commands import reason_of, slurm
from ablations.launch.slurm.job import REQUEUE_KILLED, WorkerJob
from ablations.launch.slurm.resources import Resources
from ablations.runs.home import Home

SYNC = "-sync"  # ends the name of the job that tracks
SYNC_MINUTES = 60
TIME_OUTS = 1000  # submitit's limit, which must not be the one that ends the work


@dataclass(frozen=True)
class Array:
    """Workers that do the same with the same resources.

    Attributes:
        requests: what they do, in this order.
        resources: what each may use.
        workers: how many the array has.
        side_by_side: how many of them may run at the same time.
        maximum: runs that a worker does at most, or None: until none is left.
    """

    requests: Sequence[Request]
    resources: Resources
    workers: int
    side_by_side: int
    maximum: int | None = None

    def submit(self, folder: Path, home: Home, code: Path | None) -> set[str]:
        """Submit it, as several where the cluster's arrays are smaller; the jobs' numbers.

        Arguments:
            folder: of the launch, whose name the jobs bear.
            code: what is put first on the path of Python.

        Raises:
            UserError: SLURM refuses.
        """
        worker = WorkerJob(str(folder.resolve()), str(home.root.resolve()), self.maximum)
        executor = self._executor(folder, code)
        jobs: list[submitit.Job[None]] = []
        for count in _parts(self.workers, _largest_array()):
            with submitting(), executor.batch():
                jobs += [executor.submit(worker) for _ in range(count)]
        return {job.job_id.partition("_")[0] for job in jobs}

    def submit_sync(
        self, folder: Path, home: Home, code: Path | None, arrays: set[str], uri: str
    ) -> None:
        """Submit one small job for when all `arrays` have ended, however they did.

        Arguments:
            folder, code: see `submit`.
            uri: the tracking store that it brings up to date.
        """
        last = submitit.SlurmExecutor(folder)
        kept = ("partition", "account", "qos", "setup")
        parameters = self._executor(folder, code).parameters
        last.update_parameters(
            **{name: value for name, value in parameters.items() if name in kept},
            job_name=f"{folder.name}{SYNC}",
            time=SYNC_MINUTES,
            stderr_to_stdout=True,
            dependency=f"afterany:{':'.join(sorted(arrays))}",
            additional_parameters={"kill-on-invalid-dep": "yes"},
        )
        with submitting():
            last.submit(track, str(home.root.resolve()), uri)

    def script(self, folder: Path) -> str:
        """The batch script of a launch that is not made."""
        executor = self._executor(folder, None)
        if self.workers > 1:
            array = f"0-{self.workers - 1}%{self.side_by_side}"
            executor.update_parameters(additional_parameters={"requeue": True, "array": array})
        text: str = executor._make_submission_file_text(executor._submitit_command_str, "")
        return text

    def _executor(self, folder: Path, code: Path | None) -> submitit.SlurmExecutor:
        executor = submitit.SlurmExecutor(folder, max_num_timeout=TIME_OUTS)
        parameters: dict[str, Any] = self.resources.parameters()
        if code:
            path = f"export PYTHONPATH={shlex.quote(str(code))}${{PYTHONPATH:+:$PYTHONPATH}}"
            parameters["setup"] = [*parameters["setup"], path]
        executor.update_parameters(
            **parameters,
            job_name=folder.name,
            array_parallelism=self.side_by_side,
            stderr_to_stdout=True,
            teardown=[REQUEUE_KILLED],
            additional_parameters={"requeue": True},
        )
        return executor


@contextmanager
def submitting() -> Iterator[None]:
    """Drop the variables of a job in which the launcher may run, but keep the way to SLURM.

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
        raise UserError(f"SLURM refuses the job: {reason_of(str(error))}") from None


def _largest_array() -> int:
    """How many jobs an array may have here."""
    found = re.search(r"MaxArraySize\s*=\s*(\d+)", slurm("scontrol", "show", "config"))
    return max(1, int(found[1]) - 1) if found else 1000


def _parts(count: int, largest: int) -> Iterator[int]:
    """`count` in numbers of at most `largest`."""
    while count > 0:
        yield min(count, largest)
        count -= largest
