"""Getting a plan done: keeps workers going until every run is done or has failed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial

from filelock import FileLock, Timeout

from ablations.errors import UserError, nearest, quoted
from ablations.launch.code_copy import keep_study
from ablations.launch.offer import Offer
from ablations.launch.requests import Request, requests_of
from ablations.launch.scheduler import (
    QueuedJob,
    Scheduler,
    SubmitLimitError,
    Submitted,
    Work,
)
from ablations.launch.schedulers import queued_launches
from ablations.launch.vanished import Ask, is_vanished, silent_jobs
from ablations.runs.directory import Inspection, State
from ablations.runs.home import Home
from ablations.runs.lease import Observer
from ablations.study.expansion import Expansion
from ablations.study.plan import Plan
from ablations.tracking.names import OF_THE_MACHINERY

LOCK_SECONDS = 300.0  # another launch of the study submits so long, at most


@dataclass(frozen=True)
class Snapshot:
    """Every run of a plan at one moment."""

    runs: Mapping[str, Inspection]

    def count(self) -> Counter[State]:
        """How many runs are in each state."""
        return Counter(run.state for run in self.runs.values())

    @property
    def attempts(self) -> int:
        """How many attempts at them there were."""
        return sum(run.attempt for run in self.runs.values())


def take_snapshot(
    home: Home, keys: Sequence[str], observer: Observer, ask: Ask | None = None
) -> Snapshot:
    """Where the runs stand. Reading changes nothing.

    Arguments:
        ask: lists the jobs of clusters, where a run is lost as soon as its job is gone.
    """
    seen = {key: home.run(key).inspect(observer) for key in keys}
    if ask:
        for key, one in seen.items():
            if is_vanished(home.run(key), one, ask):
                seen[key] = _lost(home.run(key).inspect(observer), one)
    return Snapshot(seen)


def _lost(now: Inspection, before: Inspection) -> Inspection:
    """What became of a run while its job ended: nothing, where nothing changed."""
    if now != before:
        return now
    cancelled = now.lease is not None and now.lease.cancelled_file.exists()
    return Inspection(State.CANCELLED if cancelled else State.LOST, now.lease, now.lost + 1)


def check_ready(home: Home, expansion: Expansion) -> list[str]:
    """Refuse before anything starts where a run that is left could not; what is to be known else.

    Raises:
        UserError: says what is missing.
    """
    told: dict[str, None] = {}
    for key, config in expansion.configs.items():
        if not home.run(key).is_done:
            told |= dict.fromkeys(expansion.experiment.ensure_ready(config))
    return [*told, *undeclared_measures(expansion.plan)]


def undeclared_measures(plan: Plan) -> list[str]:
    """What is to be known of claims about numbers that perhaps no run will return.

    No error: runs may return more than is declared. What a table holds only reports can tell.
    """
    known = [one.name for one in plan.metrics]
    if not known or plan.table:
        return []
    return [
        f"claim {quoted(claim.words)} is about {quoted(claim.measure)}, which its experiment does "
        f"not declare: {nearest(claim.measure, known)}"
        for claim in plan.claims
        if claim.measure not in {*known, *OF_THE_MACHINERY}
    ]


@dataclass(frozen=True)
class Submission:
    """What a launch found, and what it added.

    Attributes:
        due: how many runs were.
        jobs: those of the study that were there already.
    """

    due: int
    jobs: Sequence[QueuedJob]
    submitted: Sequence[Submitted]


class Launcher:
    """Hands what is due of a plan to a scheduler, once or until nothing is left.

    Attributes:
        work: what is to be done; grows with `extend`.
        tell: hears of jobs that were stuck, in sentences.
    """

    def __init__(
        self,
        home: Home,
        study: str,
        expansion: Expansion,
        scheduler: Scheduler,
        provenance: Mapping[str, str],
        uri: str,
        tell: Callable[[str], None] = lambda text: None,
        grows: bool = False,
    ) -> None:
        """Arguments as the attributes of `Work`, and `tell`; limits are those of the expansion.

        Arguments:
            grows: whether the plan will be extended, so that workers here shall wait for more.
        """
        self.home, self.scheduler, self.tell = home, scheduler, tell
        self.observer = home.observer()
        self._silent: set[str] = set()  # numbers of jobs that were told
        here = grows and not scheduler.detached
        offer = Offer.of_this_process(home.launches) if here else None
        self.work = Work(study, expansion, (), provenance, uri, expansion.limits, offer)
        self.extend(expansion)

    def extend(self, expansion: Expansion) -> None:
        """Take over a plan that has grown: its new runs are due, too."""
        known = {request.key for request in self.work.requests}
        self.work = replace(self.work, expansion=expansion)
        asked = requests_of(expansion, self.snapshot().runs)
        new = [request for request in asked if request.key not in known]
        self.work = replace(self.work, requests=[*self.work.requests, *new])

    def snapshot(self) -> Snapshot:
        """Where the runs of the plan stand now."""
        ask = cache(partial(queued_launches, self.home))
        return take_snapshot(self.home, list(self.work.expansion.configs), self.observer, ask)

    def due(self, snapshot: Snapshot) -> list[Request]:
        """The runs that nobody works on, and that this launch still tries."""
        runs = snapshot.runs
        return [one for one in self.work.requests if one.may_try(runs[one.key])]

    def running(self, snapshot: Snapshot) -> list[Request]:
        """The runs that somebody works on, as far as anybody knows."""
        runs = snapshot.runs
        return [one for one in self.work.requests if runs[one.key].state is State.RUNNING]

    def given_up(self, snapshot: Snapshot) -> set[str]:
        """Keys of runs that ended without a result, and that this launch does not try again."""
        settled = (State.DONE, State.RUNNING)
        due = {request.key for request in self.due(snapshot)}
        return {
            key
            for key, seen in snapshot.runs.items()
            if seen.state not in settled and key not in due
        }

    def run(self, watch: Callable[[Snapshot], None]) -> Snapshot:
        """Work until nothing is left to do; `watch` sees every snapshot, and may `extend` the plan.

        An interruption (Ctrl-C) is raised again; workers that cannot go on alone are stopped in
        good order first.

        Raises:
            UserError: no worker can work; says why.
        """
        self._prepare()
        try:
            while True:
                work, snapshot = self.work, self.snapshot()
                watch(snapshot)
                if self.work is not work:
                    continue
                if self._is_over(snapshot):
                    return snapshot
                time.sleep(self.scheduler.poll_seconds)
        except BaseException:
            if not self.scheduler.detached:
                self.scheduler.cancel(self.study)
            raise
        finally:
            self._close_offer()

    def _prepare(self) -> None:
        """Make the directories that workers need, and keep the user's files."""
        self.home.prepare()
        keep_study(self.home, self.study, self.work.study)

    @property
    def study(self) -> str:
        """The name of the study."""
        return self.work.expansion.plan.study

    def _is_over(self, snapshot: Snapshot) -> bool:
        """Submit workers for what is due; whether there is nothing left to wait for."""
        jobs, running = self._heard(self.queue(), snapshot), self.running(snapshot)
        due, trouble = self.due(snapshot), self.scheduler.explain(jobs, snapshot.attempts)
        if due and trouble is None:
            with self._alone():
                jobs = self._heard(self.queue(), snapshot)
                if self.work.offer:
                    self.work.offer.make(due)
                try:
                    self.scheduler.submit(self.work, due, jobs, running)
                except SubmitLimitError:
                    if not any(job.can_work for job in jobs):
                        raise  # nothing would ever make room
            return False
        if running:
            return False
        self._close_offer()
        if any(job.can_work for job in jobs):
            return False
        if due and trouble is not None:
            raise UserError(trouble)
        return True

    def _close_offer(self) -> None:
        """Let workers end that wait for more."""
        if self.work.offer:
            self.work.offer.close()

    def queue(self, needed: bool = True) -> list[QueuedJob]:
        """The jobs of the study, after help for those that were stuck.

        Arguments:
            needed: whether there is anything for them to do.
        """
        jobs = self.scheduler.queue(self.study)
        news = self.scheduler.free(jobs, needed)
        for text in news:
            self.tell(text)
        return self.scheduler.queue(self.study) if news else jobs

    def _heard(self, jobs: Sequence[QueuedJob], snapshot: Snapshot) -> list[QueuedJob]:
        """Leave out those of whom nobody knows whether they ever go on."""
        silent = silent_jobs(self.home, jobs, snapshot.runs)
        if new := silent - self._silent:
            self.tell(f"jobs {','.join(sorted(new))} do not count: no sign comes from their runs")
        self._silent |= silent
        return [job for job in jobs if job.number not in silent]

    def submit(self) -> Submission:
        """Submit workers for what is due, and leave the rest to them.

        Raises:
            UserError: the scheduler refuses, or another launch of the study does not end.
        """
        self._prepare()
        with self._alone():
            snapshot = self.snapshot()
            due, running = self.due(snapshot), self.running(snapshot)
            jobs = self._heard(self.queue(needed=bool(due or running)), snapshot)
            return Submission(len(due), jobs, self.scheduler.submit(self.work, due, jobs, running))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other launches of the study out: two that look at once would both submit."""
        self.home.studies.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.home.studies / f"{self.study}.lock", timeout=LOCK_SECONDS)
        try:
            with lock:
                yield
        except Timeout:
            raise UserError(f"another launch holds {lock.lock_file}; try again later") from None

    def script(self) -> str:
        """What would be submitted now, see `Scheduler.script`."""
        jobs = self.scheduler.queue(self.study)
        return self.scheduler.script(self.work, self.due(self.snapshot()), jobs)
