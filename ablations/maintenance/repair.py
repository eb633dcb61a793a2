"""What crashes left behind, and what would mend it. Damage changes nothing."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ablations.errors import UserError
from ablations.files import HALF_WRITTEN, read_json, write_json
from ablations.launch.launches import CONTENT, REQUESTS, Content, launch_of
from ablations.launch.requests import Request
from ablations.runs import layout
from ablations.runs.directory import RunDirectory
from ablations.runs.home import Home
from ablations.runs.lease import STALE_SECONDS, Owner
from ablations.runs.records import Begun, Failure, Result, Setup
from ablations.study.plans import load_plan
from ablations.tracking.ledger import Page

HOUR = 3600.0
RECORDS: dict[layout.Numbered, Any] = {  # of a run directory, and what each must hold
    layout.LEASE: Owner,
    layout.ATTEMPT: Begun,
    layout.FAILURE: Failure,
    layout.DEATH: Failure,
}
# the launch of each job that is not over, by its number; None where nobody tells
Ask = Callable[[], Mapping[str, str] | None]
NOBODY = Owner("nobody", 0, "")


@dataclass(frozen=True)
class Damage:
    """One thing that a crash left behind.

    Attributes:
        subject: the key of a run, or a path.
        remedy: what is to be done about it, or why it is left alone.
        mend: does it; None where it is left alone.
    """

    subject: str
    trouble: str
    remedy: str
    mend: Callable[[], None] | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.subject}: {self.trouble} -> {self.remedy}"


def find_damage(home: Home, keys: Collection[str] | None, ask: Ask) -> Iterator[Damage]:
    """Look through the runs of `keys`; through the whole home where None.

    Arguments:
        ask: lists the jobs of clusters; called only where that matters.
    """
    for run in home.runs() if keys is None else map(home.run, keys):
        yield from examine(run, ask)
    if keys is None:
        yield from _damaged_in(home)
        yield from _half_made(home)


def examine(run: RunDirectory, ask: Ask) -> Iterator[Damage]:
    """Look through one run. Nothing is found where it is sound, or its owner works on it."""
    # first: what a later attempt writes is not among it
    half_made = list(run.path.glob(HALF_WRITTEN))
    latest = max(filter(None, map(_attempt, run.path.glob(layout.LEASE.pattern))), default=0)
    damaged = list(dict.fromkeys(_damaged_records(run) + _damaged_files(run)))
    if run.is_done and not damaged and not half_made:
        return
    over = _is_over(run, latest, ask)
    lost = [] if run.is_done else run.unended(latest)  # after it: this no longer changes
    if not over:
        yield from _left_alone(run, damaged, lost, over)
        return
    for path in damaged:
        remedy, mend = _remedy(run, path, run.unended(latest))
        yield Damage(run.key, _trouble(path), remedy, mend)
    if lost:
        which = f"attempt{'s' * (len(lost) > 1)} {', '.join(map(str, lost))}"
        free = partial(_give_back, run, lost)
        yield Damage(run.key, f"{which} lost: the owner died", "give back", free)
    yield from (_to_delete(path) for path in half_made if not _may_become_lease(path))


def _left_alone(
    run: RunDirectory, damaged: Sequence[Path], lost: Sequence[int], over: bool | None
) -> Iterator[Damage]:
    """Tell what is not mended: somebody works on the run, or nobody knows."""
    why = "its owner lives" if over is False else "cannot tell whether its owner lives"
    if over is None and lost:
        yield Damage(run.key, f"attempt {lost[-1]} may be lost", f"left alone: {why}")
    for path in damaged:
        yield Damage(run.key, _trouble(path), f"left alone: {why}")


def _may_become_lease(path: Path) -> bool:
    """Whether somebody may be trying for a lease just now: who tries has none yet."""
    return path.name.startswith(f".{layout.LEASE.start}-") and _seconds_since(path) < HOUR


def _is_over(run: RunDirectory, attempt: int, ask: Ask) -> bool | None:
    """Whether nobody works on an attempt. None where that cannot be told: unknown is not over."""
    if attempt not in run.unended(attempt):
        return True
    lease, heartbeat = run.path / layout.LEASE.of(attempt), run.path / layout.HEARTBEAT.of(attempt)
    owner = read_json(lease, Owner) if _is_sound(lease, Owner) else None
    alive = owner.is_alive() if owner else None
    if alive is not None:
        return not alive
    quiet = _seconds_since(heartbeat if heartbeat.exists() else lease)
    if quiet < STALE_SECONDS:
        return False
    with suppress(UserError):  # damaged
        told = run.attempt(attempt)
        launch = launch_of(told)
        jobs = ask() if launch else None
        if jobs is not None:
            return jobs.get(told.get("job", "")) != launch
    # nobody waits for an end where the lease does not tell whose, or the result is there
    settled = owner is None or run.is_done
    return True if settled and quiet > HOUR else None


def _trouble(path: Path) -> str:
    return f"{path.name} is {'damaged' if path.exists() else 'missing'}"


def _remedy(
    run: RunDirectory, path: Path, pending: Sequence[int]
) -> tuple[str, Callable[[], None]]:
    """Say what is to be done about a damaged file, and give the function that does it."""
    if layout.LEASE.attempt(path.name):
        return "set aside; its number stays taken", partial(_void_lease, run, path)
    if layout.ATTEMPT.attempt(path.name) or layout.is_series(path.name):
        return "set aside", partial(_set_aside, run, path)
    if _attempt(path):
        return "set aside; the run is free", partial(_forget_failure, run, path)
    return "set aside; the run is done anew", partial(_begin_anew, run, path, pending)


def _void_lease(run: RunDirectory, path: Path) -> None:
    """Replace in one step: were the number free, the next attempt would find this one's end."""
    _give_back(run, [_attempt(path) or 0])
    if path.is_dir():  # which nothing replaces; the run is given back already
        _set_aside(run, path)
    else:
        shutil.copy2(path, _free(path))
    write_json(path, asdict(NOBODY))


def _forget_failure(run: RunDirectory, path: Path) -> None:
    _give_back(run, [_attempt(path) or 0])
    _set_aside(run, path)


def _begin_anew(run: RunDirectory, path: Path, pending: Sequence[int]) -> None:
    """Without its configuration or a table a result is none; its other files serve once more."""
    _give_back(run, pending)
    beside = path.parent == run.path
    run.reopen()
    _set_aside(run, run.path / layout.RESULT)  # of before the folders
    _set_aside(run, path if beside else run.files / path.name)


def _give_back(run: RunDirectory, attempts: Sequence[int]) -> None:
    """End attempts as their owners would have: they no longer count as lost, the run is free."""
    for attempt in attempts:
        run.fence(attempt)
        run.release(attempt)


def _set_aside(run: RunDirectory, path: Path) -> None:
    """Keep it in the run's directory: the folder of an attempt goes with the next one."""
    with suppress(FileNotFoundError):  # a table, or what was set aside before
        os.replace(path, _free(run.path / path.name))


def _free(path: Path) -> Path:
    """Where a damaged file is set aside, beside what was set aside there before."""
    path = layout.damaged(path)
    return _free(path) if path.exists() else path


def _is_sound(path: Path, kind: Any) -> bool:
    """Whether a file holds what it must, or is not there."""
    try:
        read_json(path, kind)
    except UserError:
        return False
    return True


def _damaged_records(run: RunDirectory) -> list[Path]:
    """Records that cannot be read."""
    records: list[tuple[Path, Any]] = [(run.path / layout.CONFIG, Setup)]
    for numbered, kind in RECORDS.items():
        paths = sorted(run.path.glob(numbered.pattern))
        records += [(path, kind) for path in paths if numbered.attempt(path.name)]
    if run.is_done:
        records.append((run.result_file, Result))
    places = dict.fromkeys((run.path, run.files))
    told = [
        path
        for place in places
        for series in layout.SERIES
        for path in sorted(place.glob(series.pattern))
    ]
    damaged = [path for path, kind in records if not _is_sound(path, kind)]
    return damaged + [path for path in told if path.is_dir()]  # of lines each tells for itself


def _damaged_files(run: RunDirectory) -> list[Path]:
    """Files of a committed result that are others, and tables that are missing or unreadable."""
    try:
        result = run.result()
    except UserError:  # told as a record
        return []
    if result is None:
        return []
    damaged = run.damaged_files()
    tables = [run.table(name) for name in result["tables"]]
    return damaged + [path for path in tables if path not in damaged and not _is_readable(path)]


def _is_readable(table: Path) -> bool:
    from pyarrow import ArrowException
    from pyarrow.parquet import read_metadata

    try:
        read_metadata(table)
    except (OSError, ArrowException) as error:
        # any other number: not the file is at fault, but the disk or a permission
        if getattr(error, "errno", None) not in (None, errno.ENOENT):
            raise
        return False
    return True


def _damaged_in(home: Home) -> Iterator[Damage]:
    """Outside of the runs: plans, what launches are to do, and what stores hold, remembered."""
    for path in sorted(home.studies.glob("*.json")):
        try:
            load_plan(path)
        except UserError:
            yield _to_set_aside(path)
    kinds = {CONTENT: Content, REQUESTS: list[Request]}
    records = [
        (path, kinds[path.name]) for name in kinds for path in home.launches.glob(f"*/{name}")
    ]
    records += [(path, dict[str, Page]) for path in home.ledgers.glob("*.json")]
    for path, kind in sorted(records):
        if not _is_sound(path, kind):
            yield _to_set_aside(path)


def _to_set_aside(path: Path) -> Damage:
    return Damage(str(path), "damaged", "set aside", partial(_rename, path))


def _rename(path: Path) -> None:
    os.replace(path, _free(path))


def _half_made(home: Home) -> Iterator[Damage]:
    """Outside of the runs, where nobody has written to them for an hour."""
    found = [home.root.glob(HALF_WRITTEN), home.code.glob(HALF_WRITTEN)]
    folders = (home.studies, home.ledgers, home.launches, home.cache)
    found += [folder.rglob(HALF_WRITTEN) for folder in folders]
    for paths in found:
        for path in sorted(paths):
            if _seconds_since(path) > HOUR:
                yield _to_delete(path)


def _to_delete(path: Path) -> Damage:
    trouble = "half-made by a process that was killed"
    return Damage(str(path), trouble, "delete", partial(_delete, path))


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _attempt(path: Path) -> int | None:
    """The attempt that a lease or a failure is of."""
    kinds = (layout.LEASE, layout.FAILURE, layout.DEATH)
    return next(filter(None, (kind.attempt(path.name) for kind in kinds)), None)


def _seconds_since(path: Path) -> float:
    """Since somebody wrote there."""
    return time.time() - path.lstat().st_mtime
