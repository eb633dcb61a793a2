"""Getting a plan done: keeps workers going until every run is done or has failed."""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import submitit
from submitit.helpers import clean_env

from ablations.errors import UserError
from ablations.launch.job import last_words, work_here
from ablations.launch.slurm.resources import THREADS
from ablations.launch.worker import Request, requests_of
from ablations.runs.home import Home, Inspection, State
from ablations.runs.lease import Observer
from ablations.study.plan import Plan

NEEDED_BYTES = 50_000_000
MAX_BARREN = 4  # workers that died without a lease
LOCAL_TIMEOUT_MINUTES = 60 * 24 * 30  # submitit's default of 2 minutes would end long runs


@dataclass(frozen=True)
class Snapshot:
    """Every run of a plan at one moment."""

    runs: dict[str, Inspection]

    def count(self) -> Counter[State]:
        """How many runs are in each state."""
        return Counter(run.state for run in self.runs.values())


def take_snapshot(home: Home, keys: list[str], observer: Observer) -> Snapshot:
    """Where the runs stand. Reading changes nothing."""
    return Snapshot({key: home.run(key).inspect(observer) for key in keys})


class Launcher:
    """Runs a plan through submitit's local executor.

    Attributes:
        workers: how many runs at once. Workers of an earlier launch that still live count in.
        poll_seconds: between two looks.
    """

    poll_seconds = 0.5

    def __init__(
        self, home: Home, plan: Plan, study: str, workers: int, provenance: dict[str, Any]
    ) -> None:
        self.home, self.study = home, study
        self.workers, self.provenance = workers, provenance
        self.observer = home.observer()
        self.jobs: list[submitit.Job[None]] = []
        self._attempts, self._barren = 0, 0
        self._trouble: str | None = None  # why a worker ended early
        self.requests: list[Request] = []
        self.extend(plan)

    def extend(self, plan: Plan) -> None:
        """Take over a plan that has grown: its new runs are due, too."""
        self.plan = plan
        known = {request.key for request in self.requests}
        asked = requests_of(plan, self.snapshot().runs)
        self.requests += [request for request in asked if request.key not in known]

    def snapshot(self) -> Snapshot:
        """Where the runs of the plan stand now."""
        return take_snapshot(self.home, list(self.plan.runs), self.observer)

    def run(self, watch: Callable[[Snapshot], None]) -> Snapshot:
        """Work until nothing is left to do; `watch` sees every snapshot, and may `extend` the plan.

        An interruption (Ctrl-C) stops the workers in good order and is raised again.
        """
        self.home.prepare()
        try:
            while True:
                plan, snapshot = self.plan, self.snapshot()
                watch(snapshot)
                if self.plan is not plan:
                    continue
                self._check_workers(snapshot)
                due = [] if self._trouble else self._due(snapshot)
                running, live = snapshot.count()[State.RUNNING], self._count_live()
                if not due and not running and not live:
                    if self._trouble:
                        raise UserError(self._trouble)
                    return snapshot
                self._start(due, running, live)
                time.sleep(self.poll_seconds)
        except BaseException:
            self._stop()
            raise

    def _check_workers(self, snapshot: Snapshot) -> None:
        """Give up where workers die one after the other without having taken a run."""
        attempts = sum(run.attempt for run in snapshot.runs.values())
        if attempts != self._attempts:
            self._attempts, self._barren = attempts, 0
        crashed = [job for job in self.jobs if job.done() and job.exception() is not None]
        self._barren += len(crashed)
        if crashed:
            check_space(self.home)  # if that is why, it says so
        for job in crashed:
            self._trouble = last_words(job.stdout() or "") or self._trouble
        if self._barren >= MAX_BARREN:
            log = crashed[-1].paths.stdout
            raise UserError(f"workers die before they start a run; the reason is in {log}")

    def _due(self, snapshot: Snapshot) -> list[Request]:
        return [request for request in self.requests if request.may_try(snapshot.runs[request.key])]

    def given_up(self, snapshot: Snapshot) -> set[str]:
        """Keys of runs that ended without a result, and that this launch does not try again."""
        settled = (State.DONE, State.RUNNING)
        return {
            request.key
            for request in self.requests
            if (seen := snapshot.runs[request.key]).state not in settled
            and not request.may_try(seen)
        }

    def _count_live(self) -> int:
        """How many workers of this launch have not ended."""
        self.jobs = [job for job in self.jobs if not job.done()]
        return len(self.jobs)

    def _start(self, due: Sequence[Request], running: int, live: int) -> None:
        """Start as many workers as have work."""
        # a worker that just started has not taken a run yet
        free = self.workers - max(running, live)
        wanted = min(free, len(due) - max(live - running, 0))
        self.jobs += self._submit(max(wanted, 0))

    def _submit(self, count: int) -> list[submitit.Job[None]]:
        if count == 0:
            return []
        executor = submitit.LocalExecutor(self.home.launches)
        executor.update_parameters(timeout_min=LOCAL_TIMEOUT_MINUTES, stderr_to_stdout=True)
        with _one_thread(), clean_env():
            return [
                executor.submit(
                    work_here, str(self.home.root), self.study, self.requests, self.provenance
                )
                for _ in range(count)
            ]

    def _stop(self) -> None:
        live = [job for job in self.jobs if not job.done()]
        for job in live:
            job.cancel()
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and not all(job.done() for job in live):
            time.sleep(0.1)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Workers use one thread each: tiny models gain nothing from more, runs side by side do."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def lack_of_space(home: Home) -> str | None:
    """What to say where the disk is all but full."""
    free = shutil.disk_usage(home.root).free
    if free >= NEEDED_BYTES:
        return None
    return (
        f"only {free / 1e6:.0f} MB are free on the disk of {home.root}; make room or name another "
        "place with --home"
    )


def check_space(home: Home) -> None:
    """Refuse to start where the disk is all but full.

    Raises:
        UserError: the home cannot be written, or there is too little space.
    """
    try:
        home.root.mkdir(parents=True, exist_ok=True)
        probe = home.root / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UserError(
            f"cannot write to {home.root}: {error.strerror}; name another place with --home"
        ) from None
    lack = lack_of_space(home)
    if lack:
        raise UserError(lack)
