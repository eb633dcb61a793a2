"""How far runs are: in words, and live while they work."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any

from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ablations.files import DamagedError
from ablations.launch.launcher import Snapshot
from ablations.launch.timing import about, in_words, wall_seconds
from ablations.runs.directory import RunDirectory, State
from ablations.runs.home import Home
from ablations.study.plan import Plan
from ablations.terminal.display import changing_display, console

# what a run may log with its steps: the part of the time in which it waited for data
DATA_WAIT = "data_wait_share"
HIGH_WAIT = 0.25  # from then on it is told
PLAIN_SECONDS = 15.0  # between two lines where the output is no terminal


def last_progress(run: RunDirectory, attempt: int) -> dict[str, Any]:
    """The latest of everything a running attempt told: phase, step, of, metrics, times."""
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
        latest.update(entry)
    return latest


def seconds_left(progress: dict[str, Any]) -> float | None:
    """Time for the steps that are left at the speed so far; None where that cannot be told yet."""
    if "step" not in progress or progress["step"] == progress["first"][0]:
        return None
    first_step, first_time = progress["first"]
    speed = (progress["time"] - first_time) / (progress["step"] - first_step)
    return max(0.0, (progress["of"] - progress["step"]) * speed)


def describe(progress: dict[str, Any]) -> str:
    """One line: how far a run is, its loss, the time left."""
    if "step" not in progress:
        return str(progress.get("phase", "starting"))
    parts = [f"{progress['step']}/{progress['of']}"]
    if "loss" in progress["metrics"]:
        parts.append(f"loss {progress['metrics']['loss']:.3f}")
    left = seconds_left(progress)
    if left is not None:
        parts.append(f"{in_words(left)} left")
    waited = progress["metrics"].get(DATA_WAIT, 0.0)
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
        """Time for the whole plan: as runs tell it, and as the rest was expected to take."""
        seconds = []
        for key, run in snapshot.runs.items():
            told = seconds_left(running.get(key, {}))
            if told is not None:
                seconds.append(told)
            elif run.state not in (State.DONE, State.FAILED, State.CANCELLED, State.DAMAGED):
                seconds.append(self.expected[key])
        return wall_seconds(seconds, self.workers)

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
