"""What crashes left behind, and what would mend it. Finding changes nothing."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from ablations.errors import UserError
from ablations.files import read_json, write_json
from ablations.launch.slurm.jobs import Ask, launch_of
from ablations.runs.home import Home, RunDirectory
from ablations.runs.lease import STALE_SECONDS, Owner

HOUR = 3600.0
HALF_MADE = ".*.tmp"  # see `files.writing`; folders are named so, too
RECORDS = ("config.json", "claim-*.json", "attempt-*.json", "result.json", "failure-*.json")
NOBODY = Owner("nobody", 0, "")


@dataclass(frozen=True)
class Finding:
    """One thing that a crash left behind.

    Attributes:
        place: the key of a run, or a path.
        remedy: what is to be done about it, or why it is left alone.
        mend: does it; None where it is left alone.
    """

    place: str
    trouble: str
    remedy: str
    mend: Callable[[], None] | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.place}: {self.trouble} -> {self.remedy}"


def find_damage(home: Home, keys: Collection[str] | None, ask: Ask) -> Iterator[Finding]:
    """What is found in the runs of `keys`; in the whole home where None.

    Arguments:
        ask: lists SLURM's jobs; called only where that matters.
    """
    for run in home.runs() if keys is None else map(home.run, keys):
        yield from examine(run, ask)
    if keys is None:
        yield from _half_made(home)


def examine(run: RunDirectory, ask: Ask) -> Iterator[Finding]:
    """What is found in one run. Nothing, where it is sound, or its owner works on it."""
    half_made = list(run.path.glob(HALF_MADE))  # first: what a later attempt writes is not among it
    latest = max(map(_number, run.path.glob("claim-*.json")), default=0)
    result = run.path / "result.json"
    records = [path for pattern in RECORDS for path in sorted(run.path.glob(pattern))]
    damaged = [path for path in records if not _is_sound(path)] + _damaged_tables(run)
    if result.exists() and not damaged and not half_made:
        return
    over = _is_over(run, latest, ask)
    done, pending = result.exists(), run.unended(latest)  # after it: this no longer changes
    if not over:
        why = "its owner lives" if over is False else "cannot tell whether its owner lives"
        if over is None and not done:
            yield Finding(run.key, f"attempt {latest} may be lost", f"left alone: {why}")
        for path in damaged:
            yield Finding(run.key, _trouble(path), f"left alone: {why}")
        return
    for path in damaged:
        remedy, mend = _remedy(run, path, pending)
        yield Finding(run.key, _trouble(path), remedy, mend)
    if pending and not done:
        which = f"attempt{'s' * (len(pending) > 1)} {', '.join(map(str, pending))}"
        free = partial(_give_back, run, pending)
        yield Finding(run.key, f"{which} lost: the owner died", "give back", free)
    for path in half_made:
        # whoever tries for a lease has none yet
        if not path.name.startswith(".claim-") or _seconds_since(path) > HOUR:
            yield _to_delete(path)


def _is_over(run: RunDirectory, attempt: int, ask: Ask) -> bool | None:
    """Whether nobody works on an attempt. None where that cannot be told: unknown is not over."""
    if attempt not in run.unended(attempt):
        return True
    lease, heartbeat = run.path / f"claim-{attempt}.json", run.path / f"heartbeat-{attempt}"
    owner = Owner(**read_json(lease)) if _is_sound(lease) else None
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
            return jobs.get(told["job"]) != launch
    # nobody waits for an end where the lease does not tell whose, or the result is there
    settled = owner is None or (run.path / "result.json").exists()
    return True if settled and quiet > HOUR else None


def _trouble(path: Path) -> str:
    return f"{path.name} is {'damaged' if path.exists() else 'missing'}"


def _remedy(
    run: RunDirectory, path: Path, pending: Sequence[int]
) -> tuple[str, Callable[[], None]]:
    """What is to be done about a damaged file, and the function that does it."""
    kind = path.name.partition("-")[0]
    if kind == "claim":
        return "set aside; its number stays taken", partial(_void_claim, run, path)
    if kind == "attempt":
        return "set aside", partial(_set_aside, path)
    if kind == "failure":
        return "set aside; the run is free", partial(_forget_failure, run, path)
    return "set aside; the run is done anew", partial(_begin_anew, run, path, pending)


def _void_claim(run: RunDirectory, path: Path) -> None:
    """In one step: were the number free, the next attempt would find the end of this one."""
    shutil.copy2(path, _aside(path))
    _give_back(run, [_number(path)])
    write_json(path, asdict(NOBODY))


def _forget_failure(run: RunDirectory, path: Path) -> None:
    _give_back(run, [_number(path)])
    _set_aside(path)


def _begin_anew(run: RunDirectory, path: Path, pending: Sequence[int]) -> None:
    """Without its configuration or a table a result is none."""
    _give_back(run, pending)
    _set_aside(run.path / "result.json")
    _set_aside(path)


def _give_back(run: RunDirectory, attempts: Sequence[int]) -> None:
    """As their owners would have done: they no longer count as lost, and the run is free."""
    for attempt in attempts:
        run.release(attempt)


def _set_aside(path: Path) -> None:
    with suppress(FileNotFoundError):  # a table, or what was set aside before
        os.replace(path, _aside(path))


def _aside(path: Path) -> Path:
    return path.with_name(f"{path.name}.damaged")


def _is_sound(path: Path) -> bool:
    try:
        return isinstance(read_json(path), dict)
    except UserError:
        return False


def _damaged_tables(run: RunDirectory) -> list[Path]:
    """Of a committed result, those that are missing or cannot be read."""
    from pyarrow import ArrowException
    from pyarrow.parquet import read_metadata

    path, damaged = run.path / "result.json", []
    result = read_json(path) if _is_sound(path) else {}
    for name in result.get("tables", []):
        table = run.path / f"{name}.parquet"
        try:
            read_metadata(table)
        except (OSError, ArrowException) as error:
            # any other number: not the file is at fault, but the disk or a permission
            if getattr(error, "errno", None) not in (None, errno.ENOENT):
                raise
            damaged.append(table)
    return damaged


def _half_made(home: Home) -> Iterator[Finding]:
    """Outside of the runs, where nobody has written to them for an hour."""
    places = [home.root.glob(HALF_MADE), (home.root / "code").glob(HALF_MADE)]
    folders = (home.root / "studies", home.root / "ledgers", home.launches, home.cache)
    places += [path.rglob(HALF_MADE) for path in folders]
    for place in places:
        for path in sorted(place):
            if _seconds_since(path) > HOUR:
                yield _to_delete(path)


def _to_delete(path: Path) -> Finding:
    trouble = "half-made by a process that was killed"
    return Finding(str(path), trouble, "delete", partial(_delete, path))


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _number(path: Path) -> int:
    """Of `claim-3.json`, 3."""
    return int(path.stem.rpartition("-")[2])


def _seconds_since(path: Path) -> float:
    """Since somebody wrote there."""
    return time.time() - path.lstat().st_mtime
