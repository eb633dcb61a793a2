"""How far runs are: in words, and live while they work."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from contextlib import suppress
from math import isnan
from types import TracebackType
from typing import Any

from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ablations.files import DamagedError
from ablations.launch.launcher import Snapshot
from ablations.launch.timing import about, corrected, in_words, seconds_taken, wall_seconds
from ablations.runs.directory import RunDirectory, State
from ablations.runs.home import Home
from ablations.study.plan import Plan
from ablations.terminal.display import changing_display, console

# what a run may log with its steps: the part of the time in which it waited for data
DATA_WAIT = "data_wait_share"
HIGH_WAIT = 0.25  # from then on it is told
COUNT = re.compile(r"(\d+)/(\d+)\b")  # in a phase: so many of so many
PLAIN_SECONDS = 15.0  # between two lines where the output is no terminal


def last_progress(run: RunDirectory, attempt: int) -> dict[str, Any]:
    """The latest of everything a running attempt told: phase, step, of, metrics, times.

    Of a phase that counts ("epoch 3/120") also `count` and `counts`, its last and first number with
    how many there are and when; `counted` are the seconds that such phases took.
    """
    latest: dict[str, Any] = {}
    try:
        told = run.progress(attempt)
    except DamagedError as error:
        return {"phase": str(error)}
    for entry in told:
        if "step" in entry:
            latest.setdefault("first", (entry["step"], entry["time"]))
        elif "step" in latest:
            del latest["step"], latest["first"]  # a later phase: the steps are over
        latest |= _counted(latest, entry) | entry
    return latest


def _counted(latest: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    """What an entry adds to what `latest` holds of phases that count."""
    found = COUNT.search(entry.get("phase", ""))
    count = (int(found[1]), int(found[2]), entry["time"]) if found else None
    before = latest.get("count")
    spent = entry["time"] - before[2] if before else 0.0
    goes_on = before and count and before[0] < count[0] and before[1] == count[1]
    first = latest["counts"] if goes_on else count
    return {"count": count, "counts": first, "counted": latest.get("counted", 0.0) + spent}


def seconds_left(progress: Mapping[str, Any]) -> float | None:
    """Time for the steps that are left at the speed so far; None where that cannot be told yet."""
    if "step" not in progress or progress["step"] == progress["first"][0]:
        return None
    first_step, first_time = progress["first"]
    speed = (progress["time"] - first_time) / (progress["step"] - first_step)
    return max(0.0, (progress["of"] - progress["step"]) * speed)


def phase_left(progress: Mapping[str, Any]) -> float | None:
    """Time for what a phase still counts, at its speed; None where that cannot be told yet."""
    count = progress.get("count")
    if not count or count == progress["counts"]:
        return None
    (number, of, now), (first, _, begun) = count, progress["counts"]
    return max(0.0, (of - number) * (now - begun) / (number - first))


def beside_the_usual(progress: Mapping[str, Any]) -> float:
    """Seconds that phases which count took and still take.

    Runs have them in different measure: the first one trains anchors for all.
    """
    return float(progress.get("counted", 0.0)) + (phase_left(progress) or 0.0)


def describe(progress: Mapping[str, Any]) -> str:
    """One line: how far a run is, its loss, the time left."""
    if "step" in progress:
        parts = [f"{progress['step']}/{progress['of']}"]
        if "loss" in progress["metrics"]:
            parts.append(f"loss {progress['metrics']['loss']:.3f}")
        left = seconds_left(progress)
    else:
        parts, left = [str(progress.get("phase", "starting"))], phase_left(progress)
    if left is not None:
        parts.append(f"{in_words(left)} left")
    waited = progress.get("metrics", {}).get(DATA_WAIT, 0.0)
    if waited >= HIGH_WAIT:
        parts.append(f"waits for data {waited:.0%} of the time")
    return ", ".join(parts)


class LiveProgress:
    """Shows snapshots as they come: a live table in a terminal or notebook, else lines."""

    def __init__(self, home: Home, plan: Plan, expected: Mapping[str, float], workers: int) -> None:
        """`expected`: seconds of each run on one core, by key."""
        self.home, self.workers = home, workers
        self.extend(plan, expected)
        self.start = time.monotonic()
        self._live = changing_display()
        self._last_line, self._last_time = "", 0.0
        self._taken: dict[str, float] = {}  # seconds of runs that were done meanwhile
        self._before: set[str] | None = None  # runs that were done when this began

    def extend(self, plan: Plan, expected: Mapping[str, float], note: str = "") -> None:
        """Take over a plan that has grown, and what to say before all else."""
        self.expected, self.note = expected, note
        self.names = {key: cell.name for key, cell in plan.runs.items()}

    def __enter__(self) -> LiveProgress:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live:
            with suppress(OSError):  # the terminal was closed
                self._live.stop()

    def __call__(self, snapshot: Snapshot) -> None:
        """Show one moment."""
        running = {
            key: last_progress(self.home.run(key), run.attempt)
            for key, run in snapshot.runs.items()
            if run.state is State.RUNNING
        }
        if self._live:
            self._live.update(self._render(snapshot, running))
        else:
            self._print(snapshot, running)

    def _summary(self, snapshot: Snapshot, running: dict[str, dict[str, Any]]) -> str:
        count = snapshot.count()
        parts = [self.note] if self.note else []
        parts.append(f"{count[State.DONE]} of {len(snapshot.runs)} runs done")
        parts += [f"{count[s]} {s}" for s in State if s is not State.DONE and count[s]]
        parts.append(f"{in_words(time.monotonic() - self.start)} so far")
        left = self._seconds_left(snapshot, running)
        if left:
            parts.append(f"{about(left)} left")
        return ", ".join(parts)

    def _seconds_left(self, snapshot: Snapshot, running: dict[str, dict[str, Any]]) -> float:
        """Time for the whole plan: as runs tell it, the rest at the speed of those seen so far."""
        told = {key: seconds_left(progress) for key, progress in running.items()}
        spent = {
            key: self.home.run(key).seconds(snapshot.runs[key].attempt) - beside_the_usual(progress)
            for key, progress in running.items()
        }
        whole = {key: spent[key] + left for key, left in told.items() if left is not None}
        expected = corrected(self.expected, self._seen(snapshot) | whole)
        seconds = []
        for key, run in snapshot.runs.items():
            left = told.get(key)
            if left is not None:
                seconds.append(left)
            elif key in running:
                usual = expected[key] - spent[key]
                seconds.append(usual if isnan(usual) else max(0.0, usual))
            elif run.state in (State.WAITING, State.LOST):
                seconds.append(expected[key])
        return wall_seconds(seconds, self.workers)

    def _seen(self, snapshot: Snapshot) -> dict[str, float]:
        """What the runs took that were done since this began, without what only some have."""
        done = {key: run for key, run in snapshot.runs.items() if run.result}
        if self._before is None:
            self._before = set(done)
        for key in done.keys() - self._before - self._taken.keys():
            run, result = self.home.run(key), done[key].result
            if result:
                beside = beside_the_usual(last_progress(run, done[key].attempt))
                self._taken[key] = seconds_taken(run, result) - beside
        return self._taken

    def _render(self, snapshot: Snapshot, running: dict[str, dict[str, Any]]) -> Group:
        table = Table(box=None, show_header=False, pad_edge=False)
        for key, progress in running.items():
            bar = ProgressBar(total=progress.get("of", 1), completed=progress.get("step", 0))
            bar.width = 24
            table.add_row(self.names[key], bar, describe(progress))
        waiting = [
            self.names[key] for key, run in snapshot.runs.items() if run.state is State.WAITING
        ]
        rest = Text(f"waiting: {'; '.join(waiting)}", style="dim", overflow="ellipsis")
        rest.no_wrap = True
        overall = ProgressBar(total=len(snapshot.runs), completed=snapshot.count()[State.DONE])
        overall.width = 60
        return Group(
            overall, Text(self._summary(snapshot, running)), table, *([rest] if waiting else [])
        )

    def _print(self, snapshot: Snapshot, running: dict[str, dict[str, Any]]) -> None:
        count = snapshot.count()
        marker = f"{count[State.DONE]}/{count[State.FAILED]}"
        now = time.monotonic()
        if marker == self._last_line and now - self._last_time < PLAIN_SECONDS:
            return
        self._last_line, self._last_time = marker, now
        console.print(self._summary(snapshot, running))
        for key, progress in running.items():
            console.print(f"  {self.names[key]}: {describe(progress)}")
