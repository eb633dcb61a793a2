"""`ablate logs`: what the worker of a run printed, how far the run is, and why it failed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ablations.errors import UserError
from ablations.runs.directory import RunDirectory, State
from ablations.runs.lease import Observer, latest_lease

POLL_SECONDS = 0.5
RECENT = 10  # of what a run told before somebody begins to follow


def log_of(run: RunDirectory, attempt: int | None) -> tuple[int, Path | None]:
    """The attempt (the latest, where None) and its worker's log.

    None for the log where it is gone, and a traceback is all there is.

    Raises:
        UserError: there was no such attempt, it left neither, or what tells of it is damaged.
    """
    lease = latest_lease(run.path)
    number = attempt or (lease.attempt if lease else 0)
    if not lease or number > lease.attempt:
        last = f"its last attempt was {lease.attempt}" if lease else "nobody tried it yet"
        raise UserError(f"run {run.key} has no attempt {number or 1}: {last}")
    log = run.attempt(number).get("log")
    if log is not None and Path(log).is_file():
        return number, Path(log)
    if run.failure(number) is None:
        raise UserError(f"the log of run {run.key}, attempt {number}, is not there: {log}")
    return number, None


def read(run: RunDirectory, attempt: int, log: Path, follow: bool) -> Iterator[str]:
    """The log of an attempt piece by piece.

    With `follow` until nobody works on it any more, and with what the run itself tells.
    """
    observer, told = Observer(), None
    with open(log, errors="replace") as file:
        while True:
            seen = run.inspect(observer)
            yield file.read()
            if not follow:
                return
            entries = run.progress(attempt)
            start = max(0, len(entries) - RECENT) if told is None else told
            yield "".join(map(_line, entries[start:]))
            if seen.state is not State.RUNNING or seen.attempt != attempt:
                return
            told = len(entries)
            time.sleep(POLL_SECONDS)


def _line(entry: Mapping[str, Any]) -> str:
    """What a run told: when, and a phase, or a step with its metrics."""
    clock = time.strftime("%H:%M:%S", time.localtime(entry["time"]))
    if "step" not in entry:
        return f"{clock} {entry.get('phase', '')}\n"
    metrics = "".join(f", {name} {value:.4g}" for name, value in entry["metrics"].items())
    return f"{clock} {entry['step']}/{entry['of']}{metrics}\n"
