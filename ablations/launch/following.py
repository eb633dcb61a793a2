"""Collecting until every run that was asked for is over: `ablate sync --follow`."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from ablations.errors import UserError
from ablations.launch.launcher import take_snapshot
from ablations.launch.launches import launches_of
from ablations.launch.schedulers import clusters
from ablations.refused import Refused
from ablations.runs.directory import State
from ablations.runs.home import Home
from ablations.study.plan import Plan
from ablations.study.plans import plans_of
from ablations.tracking.background import SYNC_SECONDS
from ablations.tracking.collector import Collector, RefusedError
from ablations.tracking.store import check_uri

PATIENCE_SECONDS = 60.0  # without a worker, before nobody waits for one any more


def follow_runs(
    home: Home,
    uri: str,
    everything: bool,
    tell: Callable[[str], None],
    show: Callable[[str], None],
) -> tuple[int, int]:
    """Collect until every run that was asked for is done or has failed, or no worker is left.

    A store that does not answer is tried again, and `tell` is told.

    Arguments:
        everything: see `Collector.sync`; the first time.
        show: takes how far all is, often.

    Returns:
        How many runs changed, and how many are free while no worker is left.

    Raises:
        UserError: the tracking URI is none, or runs cannot be tracked.
    """
    check_uri(uri)
    watch, changed, trouble = _Watch(home), set[str](), ""

    def say(text: str) -> None:
        show(f"{watch.said}; {text}")

    while True:
        ended = watch.look()
        try:
            collector = Collector(home, uri, tell=say)
            try:
                collector.sync(everything)
            finally:
                changed |= collector.changed
        except UserError as error:
            if ended and isinstance(error, RefusedError):
                raise
            if str(error) != trouble:
                tell(f"{error}; trying again")
            trouble = str(error)
        else:
            say(f"{len(changed)} brought up to date")
            if ended:
                return len(changed), watch.free
            everything, trouble = False, ""
        time.sleep(SYNC_SECONDS)


class _Watch:
    """Sees whether anything still goes on.

    Attributes:
        free: runs that somebody could take.
        said: how far all is.
    """

    def __init__(self, home: Home) -> None:
        self.home, self.free, self.said = home, 0, ""
        self._observer = home.observer()
        self._before: Counter[State] | None = None
        self._busy = time.monotonic()

    def look(self) -> bool:
        """Whether all is over: nothing runs, and nothing is free for which a worker may come."""
        plans = plans_of(self.home, Refused())  # collecting tells of those that cannot be read
        keys = list({key: None for plan in plans for key in plan.runs})  # each but once
        states = take_snapshot(self.home, keys, self._observer).count()
        self.free = states[State.WAITING] + states[State.LOST]
        running = states[State.RUNNING]
        others = [
            f", {states[one]} {one}" for one in State if one is not State.DONE and states[one]
        ]
        self.said = f"{states[State.DONE]} of {len(keys)} runs done{''.join(others)}"
        if states != self._before or running or (self.free and self._have_workers(plans)):
            self._before, self._busy = states, time.monotonic()
        late = time.monotonic() - self._busy > PATIENCE_SECONDS
        return not running and (late or not self.free)

    def _have_workers(self, plans: list[Plan]) -> bool:
        """Whether a cluster may have workers of the studies: true where it does not answer."""
        if not any(launches_of(self.home, plan.study) for plan in plans):
            return False
        try:
            schedulers = clusters(self.home, required=True)
            queues = [one.queue(plan.study) for one in schedulers for plan in plans]
        except UserError:
            return True
        return any(job.can_work for jobs in queues for job in jobs)
