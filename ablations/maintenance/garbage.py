"""What takes up space and nobody needs any more. Finding changes nothing."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from ablations.errors import UserError
from ablations.launch.launches import Launch, launch_of, launches_of
from ablations.refused import Refused
from ablations.runs import layout
from ablations.runs.directory import Inspection, RunDirectory, State
from ablations.runs.home import Home, one_name
from ablations.runs.lease import Observer
from ablations.runs.records import Begun
from ablations.study.catalogue import known_presentation, presentation_of
from ablations.study.plans import plans_of

HOUR = 3600.0  # what is younger may just be coming into use


@dataclass(frozen=True)
class Garbage:
    """Files and folders that go for one reason."""

    what: str
    paths: list[Path]

    @property
    def bytes(self) -> int:
        """What they take up."""
        return sum(size_of(path) for path in self.paths)


def find_garbage(
    home: Home,
    jobs: Mapping[str, str] | None,
    models: bool,
    runs: bool,
    refused: Refused | None = None,
    caches: bool = False,
) -> Iterator[Garbage]:
    """What may go, kind by kind.

    Arguments:
        jobs: the launch of each job that is not over, by its number; where None, what they might
            use is left out.
        models: networks of finished runs, too.
        runs: runs that no study asks for any more, too.
        refused: takes what is damaged, for whose sake a kind is left out.
        caches: what runs keep for each other, too, unless one is at work.
    """
    refused = Refused() if refused is None else refused
    observer = Observer()
    seen = {run: run.inspect(observer) for run in home.runs()}
    live = _live_launches(home, jobs) if jobs is not None else None
    if runs and live is not None:
        with refused.aside():
            unwanted = _unwanted(home, live, seen)
            yield Garbage("runs that no study asks for", [run.path for run in unwanted])
            for run in unwanted:
                del seen[run]
    with refused.aside():
        yield Garbage("files of local jobs that have ended", _local_jobs(home, seen))
    if live is not None:
        with refused.aside():
            yield Garbage("code copies that no launch uses", _code(home, live))
        with refused.aside():
            yield Garbage("launches that have ended", _launches(home, live, seen))
    if models:
        done = [run for run, one in seen.items() if one.state is State.DONE]
        yield Garbage("trained networks of finished runs", _disposable(home, done, refused))
    working = live or any(one.state is State.RUNNING for one in seen.values())
    if caches and live is not None and not working:
        yield Garbage("what runs keep for each other", _caches(home, refused))


def _disposable(home: Home, done: Sequence[RunDirectory], refused: Refused) -> list[Path]:
    """The files of finished runs that their experiment can spare."""
    plans = plans_of(home, refused)
    names = {plan.experiment: presentation_of(plan).disposable for plan in plans}
    found: list[Path] = []
    for run in done:
        setup = None
        with refused.aside():
            setup = run.config()
        experiment = setup["experiment"] if setup else ""
        if experiment not in names:  # no plan asks for it any more
            names[experiment] = known_presentation(experiment).disposable
        found += [run.files / name for name in names.get(experiment, ())]
    return [path for path in found if path.exists()]


def _caches(home: Home, refused: Refused) -> list[Path]:
    """What lies in the folders of the cache that experiments can spare."""
    plans = plans_of(home, refused)
    told = [plan.presentation for plan in plans if plan.presentation]
    told += [known_presentation(name) for name in {plan.experiment for plan in plans}]
    names = sorted({one_name(name) for one in told for name in one.caches})
    return [path for name in names for path in sorted((home.cache / name).glob("[!.]*"))]


def _live_launches(home: Home, jobs: Mapping[str, str]) -> list[Launch]:
    """Those with a job in the queue, and those that may just be submitted."""
    names = set(jobs.values())
    return [one for one in launches_of(home) if one.name in names or _is_young(one.record)]


def _code(home: Home, live: Sequence[Launch]) -> list[Path]:
    """Copies that are in no use; raises UserError where a launch does not tell what it uses."""
    if any("code" not in launch.content for launch in live):  # of an older version: any of them
        return []
    codes = (launch.content.get("code") for launch in live)
    used = {Path(code).name for code in codes if code}
    copies = sorted(home.code.glob("[!.]*"))
    return [path for path in copies if path.name not in used and not _is_young(path)]


def _launches(
    home: Home, live: Sequence[Launch], seen: Mapping[RunDirectory, Inspection]
) -> list[Path]:
    """Ended ones; runs that are not done still need their logs."""
    needed = {launch_of(attempt) for attempt in _open_attempts(seen)}
    ended = [launch for launch in launches_of(home) if launch not in live]
    return [launch.path for launch in ended if launch.name not in needed]


def _local_jobs(home: Home, seen: Mapping[RunDirectory, Inspection]) -> list[Path]:
    """Pickles of submitit's local executor, whose jobs are numbered by process. Not the logs."""
    alive = {
        str(run.attempt(one.attempt).get("job"))
        for run, one in seen.items()
        if one.state is State.RUNNING
    }
    found = []
    for path in sorted(home.launches.glob("*.pkl")):
        job = path.name.partition("_")[0]
        ended = (home.launches / f"{job}_0_result.pkl").exists()
        killed = job not in alive and not (job.isdigit() and psutil.pid_exists(int(job)))
        if (ended or killed) and not _is_young(path):  # a launcher may still want to know
            found.append(path)
    return found


def _unwanted(
    home: Home, live: Sequence[Launch], seen: Mapping[RunDirectory, Inspection]
) -> list[RunDirectory]:
    """Those that nobody asks for: no plan, no job in the queue, and no worker at them.

    What is done belongs to a study that asked for it once, whatever it asks for now.

    Raises:
        UserError: a plan or a launch cannot be read, so that nobody knows.
    """
    for path in sorted(home.studies.glob(f"*.json{layout.DAMAGED}")):
        raise UserError(f"{path} may have asked for runs: none is offered while it is there")
    plans = plans_of(home)
    asked = {key for plan in plans for key in plan.runs}.union(*(one.keys for one in live))
    earlier = {key for plan in plans for key in plan.earlier}
    kept = {State.RUNNING, State.DAMAGED}  # of the latter nobody knows
    return [
        run
        for run, one in seen.items()
        if run.key not in asked
        and one.state not in kept
        and not (one.state is State.DONE and run.key in earlier)
    ]


def _open_attempts(seen: Mapping[RunDirectory, Inspection]) -> Iterator[Begun]:
    """Every attempt at a run that is not done; raises DamagedError where one does not tell."""
    for run, one in seen.items():
        if one.state is not State.DONE:
            if one.damage:
                raise one.damage
            yield from (run.attempt(number) for number in range(1, one.attempt + 1))


def remove(home: Home, path: Path) -> None:
    """Delete a file or folder; a folder vanishes in one step, so that nobody finds half of it."""
    if not path.is_dir():
        path.unlink(missing_ok=True)
        return
    leaving = home.root / f".{path.name}.{uuid.uuid4().hex[:8]}.tmp"
    os.rename(path, leaving)
    shutil.rmtree(leaving)


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files if not file.is_dir())


def in_units(size: int) -> str:
    """Bytes for people: `512 B`, `3.4 MB`."""
    value, units = float(size), ["B", "kB", "MB", "GB", "TB"]
    while value >= 999.5 and units[1:]:
        value /= 1000
        del units[0]
    return f"{value:.0f} {units[0]}" if units[0] == "B" else f"{value:.1f} {units[0]}"


def _is_young(path: Path) -> bool:
    return time.time() - path.stat().st_mtime < HOUR
