"""Batch jobs: an array of workers, and the job that tracks when all have ended."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from submitit.core.utils import DelayedSubmission, JobPaths

from ablations.errors import UserError
from ablations.launch.job import track
from ablations.launch.launches import TROUBLE
from ablations.launch.requests import Request
from ablations.launch.scheduler import SubmitLimitError
from ablations.launch.slurm.commands import slurm
from ablations.launch.slurm.job import TEARDOWN, WorkerJob
from ablations.launch.slurm.resources import Resources
from ablations.launch.slurm.script import PLACE, Script
from ablations.launch.slurm.submission import submit_script
from ablations.runs.home import Home

SYNC = "-sync"  # ends the name of the job that tracks
SYNC_TIME = "1:00:00"
TIME_OUTS = 1000  # submitit's limit, which must not be the one that ends the work
ARRAY_SIZE = 1000  # SLURM's default


@dataclass(frozen=True)
class Submission:
    """What SLURM took of an array.

    Attributes:
        arrays: numbers of the jobs.
        workers: how many they are.
        limit: which of SLURM's limits kept the others out, or None.
    """

    arrays: frozenset[str]
    workers: int
    limit: str | None = None


@dataclass(frozen=True)
class Array:
    """Workers that do the same with the same resources.

    Attributes:
        requests: what they do, in this order.
        resources: what each may use.
        workers: how many the array has.
        side_by_side: how many of them may run at the same time.
        maximum: runs that a worker does at most, or None: until none is left.
        others: what workers of before are at; who has done the requests looks whether they live.
    """

    requests: Sequence[Request]
    resources: Resources
    workers: int
    side_by_side: int
    maximum: int | None = None
    others: Sequence[Request] = ()

    def submit(self, folder: Path, home: Home, code: Path | None) -> Submission:
        """Submit it, as several where the cluster's arrays are smaller, or as many as it takes.

        Arguments:
            folder: of the launch, whose name the jobs bear.
            code: what is put first on the path of Python.

        Raises:
            SubmitLimitError: SLURM takes not even one.
            UserError: SLURM refuses.
        """
        worker = WorkerJob(str(folder.resolve()), str(home.root.resolve()), self.maximum)
        script, left = worker_script(folder, self.resources, code), self.workers
        arrays: set[str] = set()
        largest, reached = _largest_array(), None
        while left and largest:
            count = min(left, largest)
            try:
                job = submit(script, DelayedSubmission(worker), count, self.side_by_side)
            except SubmitLimitError as error:
                largest, reached = count // 2, error
                continue
            arrays.add(job)
            left -= count
        if reached and not arrays:
            raise reached
        limit = reached.limit if reached and left else None
        return Submission(frozenset(arrays), self.workers - left, limit)

    def submit_sync(
        self, folder: Path, home: Home, code: Path | None, arrays: Set[str], uri: str
    ) -> None:
        """Submit one small job for when all `arrays` have ended, however they did.

        Arguments:
            folder, code: see `submit`.
            uri: the tracking store that it brings up to date.

        Raises:
            SubmitLimitError: SLURM takes no more jobs.
            UserError: SLURM refuses.
        """
        root = str(home.root.resolve())
        submit(self._sync(folder, code, sorted(arrays)), DelayedSubmission(track, root, uri))

    def scripts(self, folder: Path, code: Path | None) -> list[str]:
        """The batch scripts of a launch that is not made; arguments see `submit`."""
        script = worker_script(folder, self.resources, code)
        parts = _parts(self.workers, _largest_array())
        return [script.text(count, self.side_by_side) for count in parts]

    def sync_script(self, folder: Path, code: Path | None, arrays: Sequence[str]) -> str:
        """The batch script of the job that tracks; arguments see `submit_sync`."""
        return self._sync(folder, code, arrays).text()

    def _sync(self, folder: Path, code: Path | None, arrays: Sequence[str]) -> Script:
        mine = self.resources
        kept = {name: value for name, value in mine.sbatch.items() if name in PLACE}
        small: dict[str, Any] = {
            "nodes": 1,
            "gpus": 0,
            "tasks": None,
            "cpus": 1,
            "mem": None,
            "time": SYNC_TIME,
        }
        options: dict[str, str | bool] = {
            "job-name": f"{folder.name}{SYNC}",
            "dependency": f"afterany:{':'.join(arrays)}",
            "kill-on-invalid-dep": "yes",
        }
        return Script(folder, replace(mine, **small, sbatch=kept), options, code)


def worker_script(folder: Path, resources: Resources, code: Path | None) -> Script:
    """The batch script of workers, which queue again where they ask for it or were killed.

    Arguments:
        folder: whose name the jobs bear, and where they tell of trouble.
        code: what is put first on the path of Python.
    """
    trouble = f"trouble={shlex.quote(str(folder.absolute() / TROUBLE))}"
    options: dict[str, str | bool] = {"job-name": folder.name, "requeue": True}
    return Script(folder, resources, options, code, [trouble], [TEARDOWN])


def submit(script: Script, job: DelayedSubmission, count: int = 1, side_by_side: int = 1) -> str:
    """Submit the script as an array of `count`, with what each job of it does; the number.

    Raises:
        SubmitLimitError: SLURM takes no more jobs, or not so many.
        UserError: SLURM refuses.
    """
    file = script.folder / "submission.sh"
    file.write_text(script.text(count, side_by_side))
    number = submit_script(file, script.asked)
    job.set_timeout(script.resources.minutes, TIME_OUTS)
    file.rename(JobPaths(script.folder, number).submission_file)
    jobs = [f"{number}_{index}" for index in range(count)] if count > 1 else [number]
    for one in jobs:  # jobs that start earlier wait for it
        path = JobPaths(script.folder, one).submitted_pickle
        half = path.with_suffix(".tmp")
        job.dump(half)
        half.rename(path)
    return number


def _largest_array() -> int:
    """How many jobs an array may have here."""
    found = None
    with suppress(UserError):  # sbatch will tell
        found = re.search(r"MaxArraySize\s*=\s*(\d+)", slurm("scontrol", "show", "config"))
    return max(1, int(found[1]) - 1) if found else ARRAY_SIZE


def _parts(count: int, largest: int) -> Iterator[int]:
    """`count` in numbers of at most `largest`."""
    while count > 0:
        yield min(count, largest)
        count -= largest
