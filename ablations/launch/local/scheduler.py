"""This machine: workers are processes of submitit's local executor."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Sequence
from typing import ClassVar

import submitit
from submitit.helpers import clean_env, environment_variables

from ablations.errors import UserError
from ablations.file_system import check_space
from ablations.launch.job import THREADS, last_words, work_here
from ablations.launch.requests import Request
from ablations.launch.scheduler import Options, QueuedJob, Scheduler, Submitted, Work
from ablations.runs.home import Home

MAX_BARREN = 4  # workers that died without having taken a run
TIMEOUT_MINUTES = 60 * 24 * 30  # submitit's default of 2 minutes would end long runs
STOP_SECONDS = 10.0


class LocalScheduler(Scheduler):
    """Keeps workers alive as long as the command does; they end with it."""

    detached: ClassVar[bool] = False
    poll_seconds: ClassVar[float] = 0.5
    default_workers: ClassVar[int] = os.cpu_count() or 1

    def __init__(self, home: Home, options: Options) -> None:
        super().__init__(home, options)
        self._jobs: list[submitit.Job[None]] = []
        self._attempts, self._barren = 0, 0
        self._trouble: str | None = None

    def check(self) -> None:
        """Refuse what only jobs of a cluster have."""
        asked = self.options
        if asked.pack or asked.profile or asked.resources or asked.sync:
            raise UserError("--pack, --profile, --resource and --sync go with --cluster slurm")

    @classmethod
    def is_here(cls) -> bool:
        """True: this machine is always here."""
        return True

    def submit(
        self, work: Work, due: Sequence[Request], jobs: Sequence[QueuedJob], running: int
    ) -> list[Submitted]:
        """Start as many workers as have work; see `Scheduler.submit`."""
        live = len(jobs)
        # workers of an earlier launch that still live count in; one that just started has not
        # taken a run yet
        free = self.workers - max(running, live)
        count = max(0, min(free, len(due) - max(live - running, 0)))
        executor = self._executor()
        with environment_variables(**dict.fromkeys(THREADS, "1")), clean_env():
            self._jobs += [
                executor.submit(
                    work_here,
                    str(self.home.root),
                    work.study,
                    work.requests,
                    work.provenance,
                    work.limits,
                )
                for _ in range(count)
            ]
        return [Submitted(count, len(due), "on this machine")] if count else []

    def _executor(self) -> submitit.LocalExecutor:
        executor = submitit.LocalExecutor(self.home.launches)
        executor.update_parameters(timeout_min=TIMEOUT_MINUTES, stderr_to_stdout=True)
        return executor

    def queue(self, study: str | None = None) -> list[QueuedJob]:
        """The workers of this command that have not ended."""
        live = [job for job in self._jobs if not job.done()]
        return [QueuedJob(job.job_id, "", "RUNNING") for job in live]

    def cancel(self, study: str) -> int:
        """Stop the workers of this command, and wait until they are gone."""
        live = [job for job in self._jobs if not job.done()]
        for job in live:
            job.cancel()
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline and not all(job.done() for job in live):
            time.sleep(0.1)
        return len(live)

    def explain(self, jobs: Sequence[QueuedJob], attempts: int) -> str | None:
        """What a worker said as it ended, or where to look after several died without a word."""
        if attempts != self._attempts:
            self._attempts, self._barren = attempts, 0
        crashed = [job for job in self._take_ended() if job.exception() is not None]
        if crashed:
            check_space(self.home.root)  # if that is why, it says so
            self._barren += len(crashed)
            said = [last_words(job.stdout() or "") for job in crashed]
            self._trouble = next(filter(None, reversed(said)), self._trouble)
            if self._trouble is None and self._barren >= MAX_BARREN:
                log = crashed[-1].paths.stdout
                self._trouble = f"workers die before they start a run; the reason is in {log}"
        return self._trouble

    def _take_ended(self) -> list[submitit.Job[None]]:
        """The workers that ended since the last look."""
        ended = [job for job in self._jobs if job.done()]
        self._jobs = [job for job in self._jobs if job not in ended]
        return ended

    def script(self, work: Work, due: Sequence[Request], jobs: Sequence[QueuedJob]) -> str:
        """The line that starts each worker, as often as one would be started now."""
        start = [sys.executable, "-u", "-m", "submitit.core._submit", str(self.home.launches)]
        threads = " ".join(f"{name}=1" for name in THREADS)
        return f"{threads} {shlex.join(start)}\n" * min(self.workers, len(due))
