"""The directory that holds everything: runs (the source of truth), plans, cache, reports.

HOME/runs/KEY/     one run: config, leases, progress, tables, and the result last
HOME/studies/      the plan of every study that was asked for
HOME/search/       journals of searches, which Optuna reads
HOME/cache/        what runs share, such as trained anchors
HOME/reports/      drawn pages
HOME/launches/     logs of workers; what was submitted to SLURM
HOME/code/         copies of the code, made at launches
HOME/ledgers/      what tracking stores hold of our runs, remembered
HOME/mlflow.db     the default tracking store, HOME/artifacts its files
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from ablations.errors import UserError, nearest
from ablations.files import read_json, read_json_lines, write_json
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
class Home:
    """All paths, from the root down. Nothing is created before it is needed."""

    root: Path

    @property
    def cache(self) -> Path:
        """What runs share."""
        return self.root / "cache"

    @property
    def launches(self) -> Path:
        """Logs of the workers, as submitit writes them."""
        return self.root / "launches"

    @property
    def tracking_uri(self) -> str:
        """The default tracking store."""
        return f"sqlite:///{self.root.resolve() / 'mlflow.db'}"

    @property
    def artifacts(self) -> Path:
        """Where the default store keeps files."""
        return self.root.resolve() / "artifacts"

    def journal(self, search: str) -> Path:
        """What a search asked and was told; absolute, as Optuna's links to it want it."""
        return self.root.resolve() / "search" / f"{search}.journal"

    def observer(self) -> Observer:
        """One that may write, so it knows at once what has long been silent on another host."""
        return Observer(self.root)

    def prepare(self) -> None:
        """Make the directories in which workers only make others."""
        for path in (self.root / "runs", self.launches):
            path.mkdir(parents=True, exist_ok=True)

    @property
    def reports(self) -> Path:
        """Where the page over all studies goes."""
        return self.root / "reports"

    def report(self, study: str) -> Path:
        """Where the report of `study` goes."""
        return self.reports / study

    def run(self, key: str) -> RunDirectory:
        """The directory of a run, there or not yet."""
        return RunDirectory(self.root / "runs" / key)

    def runs(self) -> Iterator[RunDirectory]:
        """Every run that was ever taken, by key."""
        for path in sorted((self.root / "runs").glob("*/")):
            yield RunDirectory(path)

    def find(self, reference: str) -> RunDirectory:
        """The run, tried or only planned, whose key begins so, or whose directory that is.

        Raises:
            UserError: there is none, or more than one.
        """
        planned = {cell["key"] for plan in self.plans() for cell in plan["cells"]}
        keys = sorted(planned.union(run.key for run in self.runs()))
        found = [self.run(key) for key in keys if key.startswith(reference)]
        exact = [run for run in found if run.key == reference]
        if len(exact or found) == 1:
            return (exact or found)[0]
        if found:
            first = ", ".join(run.key for run in found[:5])
            raise UserError(
                f"{len(found)} runs in {self.root} have keys that begin with {reference!r}; give "
                f"more of it: {first}{', ...' if len(found) > 5 else ''}"
            )
        path = Path(reference)
        if not path.is_dir():
            raise UserError(
                f"{reference!r} is neither the beginning of a run key in {self.root} nor a "
                "directory; `ablate status` shows the keys"
            )
        return RunDirectory(path)

    def save_plan(self, record: dict[str, Any]) -> None:
        """Remember what was asked. More replicates, asked before of the same, stay in the plan."""
        path = self.root / "studies" / f"{record['study']}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        before = read_json(path)
        if before and _without_cells(before) == _without_cells(record):
            asked = {_place(cell) for cell in record["cells"]}
            kept = [cell for cell in before["cells"] if _place(cell) not in asked]
            record = {**record, "cells": record["cells"] + kept}
        if record != before:
            write_json(path, record)

    def plans(self) -> list[dict[str, Any]]:
        """What was asked, study by study (see `Plan.record`)."""
        return [read_json(path) for path in sorted((self.root / "studies").glob("*.json"))]

    def plan(self, study: str) -> dict[str, Any]:
        """What was last asked of `study`.

        Raises:
            UserError: it was never run here.
        """
        plans = {plan["study"]: plan for plan in self.plans()}
        if study not in plans:
            hint = nearest(study, plans) if plans else "no study was run there yet"
            raise UserError(f"study {study!r} was never run in {self.root}: {hint}")
        return plans[study]


def _without_cells(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != "cells"}


def _place(cell: dict[str, Any]) -> tuple[str, ...]:
    return (str(cell["seed"]), *cell["levels"].values())


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
        if (self.path / "result.json").exists():
            return Inspection(State.DONE, lease)
        if lease is None:
            return Inspection(State.WAITING)
        lost = len(self.unended(lease.attempt - 1))
        ending = self._ending(lease.attempt)
        if ending:
            return Inspection(ending, lease, lost)
        if observer.is_dead(lease):
            state = State.CANCELLED if lease.cancelled_file.exists() else State.LOST
            return Inspection(state, lease, lost + 1)
        return Inspection(State.RUNNING, lease, lost)

    def unended(self, last: int) -> list[int]:
        """Of attempts 1 to `last`, those that brought no result and of which nobody came to say
        how they ended."""
        return [attempt for attempt in range(1, last + 1) if self._ending(attempt) is None]

    def _ending(self, attempt: int) -> State | None:
        """How an attempt that brought no result ended; None where nobody came to say."""
        if (self.path / f"retry-{attempt}").exists():
            return State.WAITING
        if (self.path / f"failure-{attempt}.json").exists():
            return State.FAILED
        if (self.path / f"released-{attempt}").exists():
            cancelled = (self.path / f"cancelled-{attempt}").exists()
            return State.CANCELLED if cancelled else State.WAITING
        return None

    def config(self) -> dict[str, Any] | None:
        """`{experiment, config}`, or None before the first attempt came to write it."""
        return read_json(self.path / "config.json")

    def result(self) -> dict[str, Any] | None:
        """The committed result, or None."""
        return read_json(self.path / "result.json")

    def attempt(self, number: int) -> dict[str, Any]:
        """When it started and `provenance.place` of an attempt; empty where unknown."""
        return read_json(self.path / f"attempt-{number}.json") or {}

    def failure(self, attempt: int) -> dict[str, Any] | None:
        """`{error, traceback}` of a failed attempt, or None."""
        return read_json(self.path / f"failure-{attempt}.json")

    def seconds(self, attempt: int) -> float:
        """From the lease to the last sign of life, both by the file system's clock."""
        lease = self.path / f"claim-{attempt}.json"
        heartbeat = self.path / f"heartbeat-{attempt}"
        try:
            return max(0.0, heartbeat.stat().st_mtime - lease.stat().st_mtime)
        except FileNotFoundError:  # it ended before its first sign
            return 0.0

    def retry(self, attempt: int) -> None:
        """Let a failed attempt count as none: the run is free again."""
        (self.path / f"retry-{attempt}").touch()

    def release(self, attempt: int) -> None:
        """Give the run back: that attempt goes on with it no more."""
        (self.path / f"released-{attempt}").touch()

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

    def progress(self) -> list[dict[str, Any]]:
        """Everything the run told, attempt by attempt; a line being written is left out."""
        files = sorted(
            self.path.glob("progress-*.jsonl"), key=lambda p: int(p.stem.rpartition("-")[2])
        )
        return [entry for file in files for entry in read_json_lines(file)]
