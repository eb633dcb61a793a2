"""One `ablate run`: launch, watch, and keep the tracking store up to date meanwhile."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ablations.errors import EXIT_INTERRUPTED, UserError
from ablations.launch.launcher import Launcher, Snapshot, check_space, take_snapshot
from ablations.launch.slurm.scheduler import Cluster, launches_of
from ablations.launch.timing import about, expected_seconds, wall_seconds
from ablations.runs.home import Home, State
from ablations.runs.provenance import code_provenance
from ablations.study.plan import Plan
from ablations.terminal.display import LiveProgress, console, warn
from ablations.tracking.collector import Collector, RefusedError
from ablations.tracking.store import check_uri

SYNC_SECONDS = 3.0
PATIENCE_SECONDS = 60.0  # without a worker, before nobody waits for one any more
JOIN_SECONDS = 60.0


@dataclass(frozen=True)
class Outcome:
    """How many runs ended well, and how many did not."""

    done: int
    failed: int


class BackgroundCollector:
    """Collects every few seconds in a thread; a store that fails is reported, not fatal."""

    def __init__(self, home: Home, uri: str) -> None:
        self._home, self._uri = home, uri
        self._stop = threading.Event()
        self._collector: Collector | None = None
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._loop, daemon=True)

    def start(self) -> None:
        """Begin collecting."""
        self._thread.start()

    def finish(self) -> None:
        """Stop, and deliver what is left; does not wait long for a store that hangs."""
        self._stop.set()
        self._thread.join(timeout=JOIN_SECONDS)
        if not self._thread.is_alive() and not self.error:
            self._collect()

    def _loop(self) -> None:
        while True:
            self._collect()
            if self._stop.wait(SYNC_SECONDS):
                return

    def _collect(self) -> None:
        try:
            self._collector = self._collector or Collector(self._home, self._uri)
            self._collector.sync()
            self.error = None
        except Exception as error:  # whatever it is, the runs go on
            if self.error is None:
                warn(f"{error}; the runs go on, `ablate sync` delivers them later")
            self.error = error


def follow_runs(home: Home, uri: str, everything: bool = False) -> int:
    """Collect until every run that was asked for is done or has failed, or no worker is left.

    A store that does not answer is tried again.

    Arguments:
        everything: see `Collector.sync`; the first time.

    Returns:
        How many runs changed.

    Raises:
        UserError: the tracking URI is none, or runs cannot be tracked.
    """
    check_uri(uri)
    observer, changed, before, trouble = home.observer(), 0, None, ""
    while True:
        plans = home.plans()
        keys = [cell["key"] for plan in plans for cell in plan["cells"]]
        states = take_snapshot(home, keys, observer).count()
        free = states[State.WAITING] + states[State.LOST]
        if states != before or states[State.RUNNING] or (free and _have_workers(home, plans)):
            before, busy = states, time.monotonic()
        late = time.monotonic() - busy > PATIENCE_SECONDS
        ended = not states[State.RUNNING] and (late or not free)
        try:
            changed += Collector(home, uri).sync(everything)
        except UserError as error:
            if ended and isinstance(error, RefusedError):
                raise
            if str(error) != trouble:
                warn(f"{error}; trying again")
            trouble = str(error)
        else:
            if ended:
                break
            everything, trouble = False, ""
        time.sleep(SYNC_SECONDS)
    if free:
        console.print(f"{free} runs are free and no worker is left; `ablate run` goes on with them")
    return changed


def _have_workers(home: Home, plans: list[dict[str, Any]]) -> bool:
    """Whether SLURM may have workers of the studies: where it does not answer, nobody knows."""
    if not any(launches_of(home, plan["study"]) for plan in plans):
        return False
    try:
        cluster = Cluster(home)
        return any(cluster.queue(plan["study"]) for plan in plans)
    except UserError:
        return True


def run_study(
    home: Home, plan: Plan, study: str, workers: int, tracking_uri: str | None
) -> Outcome:
    """Get the plan done.

    Raises:
        UserError: the home cannot be written, or the tracking URI is none.
    """
    uri = tracking_uri or home.tracking_uri
    check_uri(uri)
    check_space(home)
    check_ready(home, plan)
    home.save_plan(plan.record())
    launcher = Launcher(home, plan, study, workers, code_provenance())
    expected = expected_seconds(home, plan)
    _announce(plan, launcher.snapshot(), expected, workers)
    with collecting(home, uri), LiveProgress(home, plan, expected, workers) as progress:
        snapshot = launcher.run(progress)
    return _conclude(home, plan, snapshot)


@contextmanager
def collecting(home: Home, uri: str) -> Iterator[None]:
    """Inside, the tracking store is kept up to date; Ctrl-C ends the command in good order."""
    collector = BackgroundCollector(home, uri)
    collector.start()
    try:
        yield
    except KeyboardInterrupt:
        warn("interrupted; the same command goes on from here")
        sys.exit(EXIT_INTERRUPTED)
    finally:
        collector.finish()
        if collector.error:
            warn(f"not everything was tracked: {collector.error}; try `ablate sync`")


def check_ready(home: Home, plan: Plan) -> None:
    """Refuse before anything starts where a run that is left could not.

    Raises:
        UserError: says what is missing.
    """
    for key, run in plan.runs.items():
        if home.run(key).result() is None:
            plan.experiment.check_ready(run.config)


def _announce(plan: Plan, snapshot: Snapshot, expected: dict[str, float], workers: int) -> None:
    left = [expected[key] for key, run in snapshot.runs.items() if run.state is not State.DONE]
    done = len(snapshot.runs) - len(left)
    text = f"{plan.study} at scale {plan.scale} ({plan.family}): "
    text += f"{done} of {len(snapshot.runs)} runs done already"
    if left:
        wall = about(wall_seconds(left, workers))
        text += f", {len(left)} to do with {workers} workers, {wall}"
    console.print(text)


def _conclude(home: Home, plan: Plan, snapshot: Snapshot) -> Outcome:
    failed = tell_failures(home, plan, snapshot)
    done = len(snapshot.runs) - failed
    console.print(f"{done} of {len(snapshot.runs)} runs done")
    return Outcome(done, failed)


def tell_failures(home: Home, plan: Plan, snapshot: Snapshot) -> int:
    """Print why runs brought no result; returns how many."""
    runs = plan.runs
    failed = {key: run for key, run in snapshot.runs.items() if run.state is not State.DONE}
    for key, run in failed.items():
        name = runs[key].name(plan.baseline)
        if run.state is State.CANCELLED:
            console.print(f"cancelled: {name}", style="yellow", soft_wrap=True)
            continue
        failure = home.run(key).failure(run.attempt) or {"error": "its worker died repeatedly"}
        console.print(f"failed: {name}: {failure['error']}", style="red", soft_wrap=True)
        console.print(f"        more in {home.run(key).path}", soft_wrap=True)
    return len(failed)
