"""Getting a plan done: keeps workers going until every run is done or has failed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ablations.errors import UserError
from ablations.launch.requests import Request, requests_of
from ablations.launch.scheduler import Scheduler, SubmitLimitError, Submitted, Work
from ablations.runs.directory import Inspection, State
from ablations.runs.home import Home
from ablations.runs.lease import Observer
from ablations.study.expansion import Expansion


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


def take_snapshot(home: Home, keys: Sequence[str], observer: Observer) -> Snapshot:
    """Where the runs stand. Reading changes nothing."""
    return Snapshot({key: home.run(key).inspect(observer) for key in keys})


def check_ready(home: Home, expansion: Expansion) -> None:
    """Refuse before anything starts where a run that is left could not.

    Raises:
        UserError: says what is missing.
    """
    for key, config in expansion.configs.items():
        if home.run(key).result() is None:
            expansion.experiment.check_ready(config)


class Launcher:
    """Hands what is due of a plan to a scheduler, once or until nothing is left.

    Attributes:
        work: what is to be done; grows with `extend`.
    """

    def __init__(
        self,
        home: Home,
        study: str,
        expansion: Expansion,
        scheduler: Scheduler,
        provenance: Mapping[str, str],
        uri: str,
    ) -> None:
        """Arguments as the attributes of `Work`."""
        self.home, self.scheduler = home, scheduler
        self.observer = home.observer()
        self.work = Work(study, expansion, (), provenance, uri)
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
        return take_snapshot(self.home, list(self.work.expansion.configs), self.observer)

    def due(self, snapshot: Snapshot) -> list[Request]:
        """The runs that nobody works on, and that this launch still tries."""
        runs = snapshot.runs
        return [one for one in self.work.requests if one.may_try(runs[one.key])]

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
        self.home.prepare()
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

    @property
    def study(self) -> str:
        """The name of the study."""
        return self.work.expansion.plan.study

    def _is_over(self, snapshot: Snapshot) -> bool:
        """Submit workers for what is due; whether there is nothing left to wait for."""
        jobs, running = self.scheduler.queue(self.study), snapshot.count()[State.RUNNING]
        due, trouble = self.due(snapshot), self.scheduler.explain(jobs, snapshot.attempts)
        if due and trouble is None:
            try:
                self.scheduler.submit(self.work, due, jobs, running)
            except SubmitLimitError:
                if not any(job.works for job in jobs):
                    raise  # nothing would ever make room
            return False
        if running or any(job.works for job in jobs):
            return False
        if due and trouble is not None:
            raise UserError(trouble)
        return True

    def submit(self) -> list[Submitted]:
        """Submit workers for what is due, and leave the rest to them."""
        snapshot, jobs = self.snapshot(), self.scheduler.queue(self.study)
        running = snapshot.count()[State.RUNNING]
        self.home.prepare()
        return self.scheduler.submit(self.work, self.due(snapshot), jobs, running)

    def script(self) -> str:
        """What would be submitted now, see `Scheduler.script`."""
        jobs = self.scheduler.queue(self.study)
        return self.scheduler.script(self.work, self.due(self.snapshot()), jobs)
