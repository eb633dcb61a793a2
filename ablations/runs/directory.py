"""One run on disk: what its directory says of it, and how attempts at it begin and end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from ablations.errors import UserError, excerpt
from ablations.files import (
    HALF_WRITTEN,
    DamagedError,
    digest_of_file,
    read_json,
    write_json,
    writing,
)
from ablations.runs import layout
from ablations.runs.lease import Lease, Observer, latest_lease, take_lease
from ablations.runs.records import Begun, Entry, Failure, Result, Sample, Setup
from ablations.runs.series import read_series


class State(StrEnum):
    """Where a run stands, as its directory tells."""

    WAITING = "waiting"  # nobody works on it; also after an orderly interruption
    RUNNING = "running"
    LOST = "lost"  # its owner died; it can be taken again
    FAILED = "failed"
    CANCELLED = "cancelled"  # by `ablate cancel`; the next launch does it
    DONE = "done"
    DAMAGED = "damaged"  # what tells its state cannot be read; `ablate repair` mends that


class SupersededError(Exception):
    """Another attempt has the run now, or the result is there: nothing of this one counts."""


@dataclass(frozen=True)
class Inspection:
    """What a run directory says, read once.

    Attributes:
        lost: attempts whose owner died, or that took their interpreter with them.
        died: whether the latest is such a failure.
        result: of a run that is done.
        damage: why nobody can tell how a damaged one stands.
    """

    state: State
    lease: Lease | None = None
    lost: int = 0
    died: bool = False
    result: Result | None = None
    damage: DamagedError | None = None

    @property
    def attempt(self) -> int:
        """The latest attempt, 0 before the first."""
        return self.lease.attempt if self.lease else 0


@dataclass(frozen=True)
class RunDirectory:
    """One run on disk. Its worker writes here, else only `retry`, `cancel` and `repair`.

    Every attempt has a folder of its own to write to. Renaming it decides, in one step that any
    file system can, how the attempt ends: `commit` makes it the result, `fence` takes it away, and
    only one of them succeeds. So an attempt that was thought dead and wakes can change nothing.
    """

    path: Path

    @property
    def key(self) -> str:
        """The run key."""
        return self.path.name

    def inspect(self, observer: Observer) -> Inspection:
        """The state of the run. Reading changes nothing."""
        try:
            return self._inspect(observer)
        except DamagedError as error:
            return Inspection(State.DAMAGED, damage=error)

    def _inspect(self, observer: Observer) -> Inspection:
        lease = latest_lease(self.path)
        result = self.result()
        if result is not None:
            return Inspection(State.DONE, lease, result=result)
        if lease is None:
            return Inspection(State.WAITING)
        last = lease.attempt
        earlier = range(1, last)
        lost = sum(self._end(one) is None or self._has(layout.DEATH, one) for one in earlier)
        end = self._end(last)
        if end:
            died = end is State.FAILED and self._has(layout.DEATH, last)
            return Inspection(end, lease, lost + self._has(layout.DEATH, last), died)
        if observer.is_dead(lease):
            state = State.CANCELLED if lease.cancelled_file.exists() else State.LOST
            return Inspection(state, lease, lost + 1)
        return Inspection(State.RUNNING, lease, lost)

    def unended(self, last: int) -> list[int]:
        """Attempts up to `last` that brought no result and of which nobody told how they ended."""
        return [attempt for attempt in range(1, last + 1) if self._end(attempt) is None]

    def unfailed(self, last: int) -> list[int]:
        """Attempts up to `last` that came after the last failure: together they are one try."""
        kinds = (layout.FAILURE, layout.DEATH)
        failed = [n for n in range(1, last + 1) if any(self._has(kind, n) for kind in kinds)]
        return list(range(max(failed, default=0) + 1, last + 1))

    def _has(self, kind: layout.Numbered, attempt: int) -> bool:
        return (self.path / kind.of(attempt)).exists()

    def _end(self, attempt: int) -> State | None:
        """How an attempt that brought no result ended; None where nobody came to say."""
        if self._has(layout.RETRY, attempt):
            return State.WAITING
        if self._has(layout.FAILURE, attempt) or self._has(layout.DEATH, attempt):
            return State.FAILED
        if self._has(layout.RELEASED, attempt):
            cancelled = self._has(layout.CANCELLED, attempt)
            return State.CANCELLED if cancelled else State.WAITING
        return None

    # what is read

    @property
    def _committed(self) -> Path:
        return self.path / layout.COMMITTED

    @property
    def was_tried(self) -> bool:
        """Whether this is the directory of a run at all."""
        return (self.path / layout.CONFIG).is_file() or latest_lease(self.path) is not None

    @property
    def is_done(self) -> bool:
        """Whether the result is there."""
        return self.result_file.exists()

    @property
    def result_file(self) -> Path:
        """The committed result, there or not; in homes of before the folders beside all else."""
        folder = self._committed
        return (folder if folder.is_dir() else self.path) / layout.RESULT

    @property
    def files(self) -> Path:
        """The folder with what was written for the run: as the result, or else by its last attempt.

        Homes of before the folders have it all in the run directory.
        """
        if self._committed.is_dir():
            return self._committed
        last = self._last_folder()
        return last if last and not (self.path / layout.RESULT).exists() else self.path

    def _last_folder(self) -> Path | None:
        """The folder of the last attempt that has one."""
        names = os.listdir(self.path) if self.path.is_dir() else []
        found = [
            (number, name)
            for name in names
            for kind in (layout.FILES, layout.ENDED)
            if (number := kind.attempt(name)) is not None
        ]
        return self.path / max(found)[1] if found else None

    # each raises DamagedError where a file holds something else

    def config(self) -> Setup | None:
        """What the run is, or None before the first attempt came to write it."""
        return read_json(self.path / layout.CONFIG, Setup)

    def result(self) -> Result | None:
        """The committed result, or None."""
        return read_json(self.result_file, Result)

    def attempt(self, number: int) -> Begun:
        """What an attempt began with; empty where unknown."""
        return read_json(self.path / layout.ATTEMPT.of(number), Begun) or {}

    def failure(self, attempt: int) -> Failure | None:
        """Why an attempt failed, or None."""
        kinds = (layout.FAILURE, layout.DEATH)
        found = (read_json(self.path / kind.of(attempt), Failure) for kind in kinds)
        return next(filter(None, found), None)

    def error(self, attempt: int) -> str:
        """Why an attempt failed, in a line; empty where it did not, the damage where that is."""
        try:
            failure = self.failure(attempt)
        except DamagedError as damage:
            return str(damage)
        return excerpt(failure["error"]) if failure else ""

    def seconds(self, attempt: int) -> float:
        """Seconds from the lease to the last sign of life, both by the file system's clock."""
        lease = self.path / layout.LEASE.of(attempt)
        heartbeat = self.path / layout.HEARTBEAT.of(attempt)
        try:
            return max(0.0, heartbeat.stat().st_mtime - lease.stat().st_mtime)
        except FileNotFoundError:  # it ended before its first sign
            return 0.0

    def table(self, name: str) -> Path:
        """The file of a table of the result."""
        return self.files / layout.table(name)

    def damaged_files(self) -> list[Path]:
        """Files of the committed result that are not those that were committed.

        Of tables also those that are missing; other files may be spared (`ablate gc --models`).
        Results of before digests tell nothing.
        """
        result = self.result()
        if result is None:
            return []
        tables = set(map(layout.table, result["tables"]))
        differing = self._differing(result, result.get("files", {}))
        return [path for path in differing if path.exists() or path.name in tables]

    def check_tables(self) -> None:
        """Refuse a result whose tables are not those that were committed with it.

        Raises:
            UserError: names the first of them.
        """
        result = self.result()
        for path in self._differing(result, map(layout.table, result["tables"])) if result else ():
            raise UserError(
                f"{path} is not the table that was committed with the result; `ablate repair` sets "
                "it aside, and the run is done anew"
            )

    def _differing(self, result: Result, names: Iterable[str]) -> Iterator[Path]:
        """Files by these names of whose digests the result tells another, or that are missing."""
        folder, digests = self.files, result.get("files", {})
        for name in names:
            if name in digests and _digest(folder / name) != digests[name]:
                yield folder / name

    def progress(self, attempt: int | None = None) -> list[dict[str, Any]]:
        """What an attempt told (see `records.Entry`); None: all of them, in order.

        A line that is being written, or damaged, is left out.
        """
        return read_series((self.path, self.files), layout.PROGRESS, Entry, attempt)

    def samples(self) -> list[dict[str, Any]]:
        """How busy the machine was during all attempts, in order (see `records.Sample`)."""
        return read_series((self.path, self.files), layout.SYSTEM, Sample)

    # how attempts begin and end

    def take(self, seen: Inspection) -> Lease | None:
        """The lease on a run that nobody works on, or None where another was quicker.

        The attempt before can write nothing from then on.

        Arguments:
            seen: how it stood.
        """
        self.path.mkdir(exist_ok=True)  # never its parents: they vanish with a file system
        if seen.attempt:
            self.fence(seen.attempt)
        if self.is_done:  # the attempt before ended well between the look and the fence
            return None
        return take_lease(self.path, seen.attempt + 1)

    def fence(self, attempt: int) -> None:
        """Let an attempt write no more, whatever its owner believes."""
        files, ended = (self.path / kind.of(attempt) for kind in (layout.FILES, layout.ENDED))
        with suppress(FileNotFoundError):
            os.rename(files, ended)
            return
        # it has no folder yet, or ended well. Should it make one after all, it finds this mark
        # (see `begin`), unless it looked before: then the folder is there now
        ended.mkdir(exist_ok=True)
        with suppress(FileNotFoundError):
            os.rename(files, ended)

    def begin(self, lease: Lease) -> Path:
        """The folder of an attempt, with what the one before left in its own.

        Raises:
            SupersededError: another attempt has the run already.
        """
        folder = lease.files
        folder.mkdir()
        if self._has(layout.ENDED, lease.attempt) or self._has(layout.LEASE, lease.attempt + 1):
            with suppress(OSError):
                folder.rmdir()
            raise SupersededError
        self._hand_over(lease.attempt, folder)
        return folder

    def _hand_over(self, attempt: int, folder: Path) -> None:
        """Give what earlier attempts left to the next: a copy, where an owner may yet wake.

        Homes of before the folders have it in the run directory.
        """
        earlier = [(n, self.path / layout.ENDED.of(n)) for n in range(1, attempt)]
        for number, before in [(0, self.path), *earlier]:
            # whoever gave its run back in good order writes no more, not even to an open file
            moving = number == 0 or self._end(number) is not None
            for path in _kept(before):
                if moving:
                    os.replace(path, folder / path.name)
                else:
                    with writing(folder / path.name) as temporary:
                        shutil.copyfile(path, temporary)
            if number:
                shutil.rmtree(before, ignore_errors=True)

    def commit(self, lease: Lease, result: dict[str, Any]) -> None:
        """Make what an attempt wrote the result: with `result`, and digests of all its files.

        Raises:
            SupersededError: the attempt has lost the run; nothing has changed.
        """
        folder = lease.files
        try:
            for half_written in folder.glob(HALF_WRITTEN):  # by a process that was killed
                half_written.unlink()
            files = sorted(path for path in folder.iterdir() if path.is_file())
            digests = {path.name: digest_of_file(path) for path in files}
            write_json(folder / layout.RESULT, {**result, "files": digests})
            os.rename(folder, self._committed)
        except OSError:
            if lease.is_superseded or self.is_done:
                raise SupersededError from None
            raise

    def retry(self, attempt: int) -> None:
        """Let a failed attempt count as none: the run is free again."""
        (self.path / layout.RETRY.of(attempt)).touch()

    def release(self, attempt: int) -> None:
        """Give the run back: that attempt goes on with it no more."""
        (self.path / layout.RELEASED.of(attempt)).touch()

    def reopen(self) -> None:
        """Let a result be none any more; the next attempt gets its files."""
        if self._committed.is_dir():
            attempts = filter(None, map(layout.LEASE.attempt, os.listdir(self.path)))
            ended = self.path / layout.ENDED.of(max(attempts, default=1))
            shutil.rmtree(ended, ignore_errors=True)
            os.rename(self._committed, ended)

    def cancel(self, observer: Observer) -> bool:
        """Stop whoever works on the run; nobody of now shall try it again. Whether that was due.

        A worker leaves a checkpoint, a few seconds later.

        Raises:
            DamagedError: nobody can tell how it stands.
        """
        seen = self.inspect(observer)
        if seen.damage:
            raise seen.damage
        if seen.state in (State.DONE, State.FAILED, State.CANCELLED):
            return False
        lease = seen.lease
        if seen.state is not State.RUNNING:  # an attempt that ends before it begins
            self.path.mkdir(parents=True, exist_ok=True)
            lease = self.take(seen)
            if lease:
                lease.cancelled_file.touch()
                self.release(lease.attempt)
                return True
            lease = latest_lease(self.path)  # a worker was quicker
        if lease:
            lease.cancelled_file.touch()
        return True


def _kept(folder: Path) -> list[Path]:
    """Files that the next attempt gets; what is half-written or damaged is not among them."""
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    return [
        path
        for path in paths
        if path.is_file()
        and not path.name.startswith(".")
        and not path.name.endswith(layout.DAMAGED)
        and not layout.is_record(path.name)
    ]


def _digest(path: Path) -> str | None:
    """Digest of a file; None where there is none."""
    try:
        return digest_of_file(path)
    except (FileNotFoundError, IsADirectoryError):
        return None
