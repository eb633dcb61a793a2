"""`ablate logs`: what the worker of a run printed, and why an attempt failed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from ablations.errors import UserError
from ablations.runs.directory import RunDirectory, State
from ablations.runs.lease import Observer

POLL_SECONDS = 0.5


def log_of(run: RunDirectory, attempt: int | None) -> tuple[int, Path | None]:
    """The attempt (the latest, where None) and its worker's log.

    None for the log where it is gone, and a traceback is all there is.

    Raises:
        UserError: there was no such attempt, or it left neither.
    """
    lease = run.inspect(Observer()).lease
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


def read(run: RunDirectory, log: Path, follow: bool) -> Iterator[str]:
    """The log piece by piece; with `follow` until nobody works on the run any more."""
    observer = Observer()
    with open(log, errors="replace") as file:
        while True:
            working = run.inspect(observer).state is State.RUNNING
            yield file.read()
            if not follow or not working:
                return
            time.sleep(POLL_SECONDS)
