"""One run on disk: what its directory says of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from ablations.files import read_json, read_json_lines
from ablations.runs import layout
from ablations.runs.lease import Lease, Observer, latest_lease, take_lease


class State(StrEnum):
    """Where a run stands, as its directory tells."""

    WAITING = "waiting"  # nobody works on it; also after an orderly interruption
    RUNNING = "running"
    LOST = "lost"  # its owner died; it can be taken again
    FAILED = "failed"
    CANCELLED = "cancelled"  # by `ablate cancel`; the next launch does it
    DONE = "done"


@dataclass(frozen=True)
class Inspection:
    """What a run directory says, read once."""

    state: State
    lease: Lease | None = None
    lost: int = 0  # attempts whose owner died

    @property
    def attempt(self) -> int:
        """The latest attempt, 0 before the first."""
        return self.lease.attempt if self.lease else 0


@dataclass(frozen=True)
class RunDirectory:
    """One run on disk. Its worker writes here, else only `retry`, `cancel` and `repair`."""

    path: Path

    @property
    def key(self) -> str:
        """The run key."""
        return self.path.name

    def inspect(self, observer: Observer) -> Inspection:
        """The state of the run. Reading changes nothing."""
        lease = latest_lease(self.path)
        if (self.path / layout.RESULT).exists():
            return Inspection(State.DONE, lease)
        if lease is None:
            return Inspection(State.WAITING)
        lost = len(self.unended(lease.attempt - 1))
        end = self._end(lease.attempt)
        if end:
            return Inspection(end, lease, lost)
        if observer.is_dead(lease):
            state = State.CANCELLED if lease.cancelled_file.exists() else State.LOST
            return Inspection(state, lease, lost + 1)
        return Inspection(State.RUNNING, lease, lost)

    def unended(self, last: int) -> list[int]:
        """Attempts up to `last` that brought no result and of which nobody told how they ended."""
        return [attempt for attempt in range(1, last + 1) if self._end(attempt) is None]

    def _end(self, attempt: int) -> State | None:
        """How an attempt that brought no result ended; None where nobody came to say."""
        if (self.path / layout.RETRY.of(attempt)).exists():
            return State.WAITING
        if (self.path / layout.FAILURE.of(attempt)).exists():
            return State.FAILED
        if (self.path / layout.RELEASED.of(attempt)).exists():
            cancelled = (self.path / layout.CANCELLED.of(attempt)).exists()
            return State.CANCELLED if cancelled else State.WAITING
        return None

    def config(self) -> dict[str, Any] | None:
        """`{experiment, config}`, or None before the first attempt came to write it."""
        return read_json(self.path / layout.CONFIG)

    def result(self) -> dict[str, Any] | None:
        """The committed result, or None."""
        return read_json(self.path / layout.RESULT)

    def attempt(self, number: int) -> dict[str, Any]:
        """When it started and `provenance.surroundings` of an attempt; empty where unknown."""
        return read_json(self.path / layout.ATTEMPT.of(number)) or {}

    def failure(self, attempt: int) -> dict[str, Any] | None:
        """`{error, traceback}` of a failed attempt, or None."""
        return read_json(self.path / layout.FAILURE.of(attempt))

    def seconds(self, attempt: int) -> float:
        """Seconds from the lease to the last sign of life, both by the file system's clock."""
        lease = self.path / layout.LEASE.of(attempt)
        heartbeat = self.path / layout.HEARTBEAT.of(attempt)
        try:
            return max(0.0, heartbeat.stat().st_mtime - lease.stat().st_mtime)
        except FileNotFoundError:  # it ended before its first sign
            return 0.0

    def retry(self, attempt: int) -> None:
        """Let a failed attempt count as none: the run is free again."""
        (self.path / layout.RETRY.of(attempt)).touch()

    def release(self, attempt: int) -> None:
        """Give the run back: that attempt goes on with it no more."""
        (self.path / layout.RELEASED.of(attempt)).touch()

    def cancel(self, observer: Observer) -> bool:
        """Stop whoever works on the run; nobody of now shall try it again. Whether that was due.

        A worker leaves a checkpoint, a few seconds later.
        """
        seen = self.inspect(observer)
        if seen.state in (State.DONE, State.FAILED, State.CANCELLED):
            return False
        lease = seen.lease
        if seen.state is not State.RUNNING:  # an attempt that ends before it begins
            self.path.mkdir(parents=True, exist_ok=True)
            lease = take_lease(self.path, seen.attempt + 1)
            if lease:
                lease.cancelled_file.touch()
                self.release(lease.attempt)
                return True
            lease = latest_lease(self.path)  # a worker was quicker
        if lease:
            lease.cancelled_file.touch()
        return True

    def table(self, name: str) -> Path:
        """The file of a table of the result."""
        return self.path / layout.table(name)

    def progress(self, attempt: int | None = None) -> list[dict[str, Any]]:
        """What an attempt told; None: all of them, in order. A line being written is left out."""
        if attempt is not None:
            return read_json_lines(self.path / layout.PROGRESS.of(attempt))
        files = self.path.glob(layout.PROGRESS.pattern)
        attempts = sorted(filter(None, (layout.PROGRESS.attempt(file.name) for file in files)))
        return [entry for number in attempts for entry in self.progress(number)]
