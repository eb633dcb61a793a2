"""A worker: takes runs one after the other until none is left, and commits their results."""

from __future__ import annotations

import errno
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from math import isnan
from pathlib import Path
from typing import Any

from ablations.errors import UserError
from ablations.files import write_json, writing
from ablations.launch.process_group import (
    ALONE,
    FORM_SECONDS,
    PATIENCE_SECONDS,
    BrokenGroupError,
    ProcessGroup,
)
from ablations.runs.attempt import Attempt, Stopped, check_metrics, stopping_on_signals
from ablations.runs.home import Home, Inspection, RunDirectory, State
from ablations.runs.lease import HEARTBEAT_SECONDS, Lease, take_lease
from ablations.runs.provenance import DIFF, installed, place, versions
from ablations.study.catalogue import load_study
from ablations.study.experiment import Experiment
from ablations.study.plan import Plan

UNWRITABLE = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.ESTALE,
    errno.EIO,
    errno.ENOTCONN,
    errno.ECONNABORTED,
)
MAX_LOST = 3  # a run whose worker dies so often in one launch is given up


@dataclass(frozen=True)
class Request:
    """A run that a launch wants done."""

    key: str
    config: dict[str, Any]  # plain values, see `Experiment.dump`
    attempts_before: int  # when the launch began
    lost_before: int = 0  # of these, those whose worker died

    def may_try(self, seen: Inspection) -> bool:
        """Whether another attempt is due: once a launch, but for lost ones a few times."""
        if seen.state in (State.FAILED, State.CANCELLED):
            return seen.attempt <= self.attempts_before
        if seen.state is State.LOST:
            return seen.lost < self.lost_before + MAX_LOST
        return seen.state is State.WAITING


def requests_of(plan: Plan, seen: Mapping[str, Inspection]) -> list[Request]:
    """Every run of the plan, the longest first: no worker is left alone with one at the end.

    Arguments:
        seen: where the runs stand, by key.
    """
    runs = plan.runs
    guesses = {key: plan.experiment.expected_seconds(run.config) for key, run in runs.items()}
    order = sorted(guesses, key=lambda key: 0 if isnan(guesses[key]) else -guesses[key])
    return [
        Request(key, plan.experiment.dump(runs[key].config), seen[key].attempt, seen[key].lost)
        for key in order
    ]


def work(
    root: str,
    study: str,
    requests: Sequence[Request],
    provenance: dict[str, Any],
    most: int | None = None,
    group: ProcessGroup = ALONE,
) -> None:
    """Do every request that nobody else does; returns when none is left.

    Arguments:
        root: the home directory.
        study: name or path; its experiment runs (see `load_study`).
        provenance: kept with every result, as tags.
        most: how many to do, or None for all.
        group: the processes that share each run.

    Raises:
        Stopped: SIGTERM, SIGINT or SIGUSR2 came; the run was given back.
        UserError: the home cannot be written; no run is blamed for it.
        BrokenGroupError: another process of the group is gone.
    """
    home = Home(Path(root))
    experiment = load_study(study)[1].experiment
    with stopping_on_signals():
        if group.first:
            _lead(experiment, home, requests, provenance, most, group)
        else:
            _follow(experiment, home, requests, group)


def _lead(
    experiment: Experiment,
    home: Home,
    requests: Sequence[Request],
    provenance: dict[str, Any],
    most: int | None,
    group: ProcessGroup,
) -> None:
    """Take one run after the other, and do it with the group."""
    troubles: list[OSError] = []
    group.gather(FORM_SECONDS)  # they may still be importing
    for request, directory, lease in islice(_leases(home, requests, troubles), most):
        group.tell((request.key, lease.attempt))
        try:
            with lease.heartbeat():
                execute(experiment, request, directory, lease, home.cache, provenance, group)
        except Stopped:
            if not lease.cancelled_file.exists():
                raise
        except OSError as error:
            raise UserError(_unwritable(error)) from None
        group.gather()
    group.tell(None)
    if troubles:
        raise UserError(f"{len(troubles)} runs cannot be tried: {_unwritable(troubles[0])}")


def _leases(
    home: Home, requests: Sequence[Request], troubles: list[OSError]
) -> Iterator[tuple[Request, RunDirectory, Lease]]:
    """Every request that is due, with a lease; last those whose workers on other hosts fall silent.

    What cannot be taken for the file system's sake is left out, and the reason is added to
    `troubles`.
    """
    observer, left, again = home.observer(), requests, False
    while left:
        others = []
        for request in left:
            directory = home.run(request.key)
            try:
                seen = directory.inspect(observer)
                lease = _lease(directory, request, seen)
            except OSError as error:
                troubles.append(error)
                continue
            if lease:
                yield request, directory, lease
            elif seen.lease and seen.state is State.RUNNING and observer.doubts(seen.lease, again):
                others.append(request)
        left, again = others, True
        time.sleep(HEARTBEAT_SECONDS if left else 0)


def _lease(directory: RunDirectory, request: Request, seen: Inspection) -> Lease | None:
    """The lease on a run, or None where it is not due or another was quicker."""
    if not request.may_try(seen):
        return None
    directory.path.mkdir(exist_ok=True)  # never its parents: they vanish with a file system
    lease = take_lease(directory.path, seen.attempt + 1)
    # another attempt may have ended well between the look and the lease
    return lease if lease and directory.result() is None else None


def _unwritable(error: OSError) -> str:
    return (
        f"cannot write {error.filename}: {error.strerror}; the same command goes on when that is "
        "mended"
    )


def _follow(
    experiment: Experiment, home: Home, requests: Sequence[Request], group: ProcessGroup
) -> None:
    """Do with the group what its first process takes and records."""
    configs = {request.key: request.config for request in requests}
    assignment = group.hear()
    while assignment is not None:
        key, attempt = assignment
        directory, start = home.run(key), time.time()
        run = Attempt(directory.path, home.cache, attempt)
        failure, patience = None, None
        try:
            with group.settling():
                experiment.function(experiment.resolve(configs[key]), run)
        except Stopped as stopped:
            if stopped.signal is not None:
                raise
        except Exception as error:  # the first met the same, or waits for ever for this process
            failure, patience = describe_failure(error, start), PATIENCE_SECONDS
        try:
            assignment = group.hear(patience)
        except BrokenGroupError:
            if failure:
                with suppress(FileExistsError):
                    write_json(directory.path / f"failure-{attempt}.json", failure, exclusive=True)
            raise


def execute(
    experiment: Experiment,
    request: Request,
    directory: RunDirectory,
    lease: Lease,
    cache: Path,
    provenance: dict[str, Any],
    group: ProcessGroup = ALONE,
) -> None:
    """Run one request under a lease. A failure is recorded, not raised.

    Raises:
        OSError: nothing can be written.
        Stopped: it was told to.
    """
    path, attempt, start = directory.path, lease.attempt, time.time()
    try:
        write_json(
            path / "config.json",
            {"experiment": experiment.name, "schema": experiment.schema, "config": request.config},
        )
        tags = _record_attempt(path, lease, start, provenance)
        run = Attempt(path, cache, attempt)
        print(f"{path.name}: attempt {attempt} begins", flush=True)  # into the worker's log
        with group.settling():
            metrics = experiment.function(experiment.resolve(request.config), run)
        check_metrics(metrics)
        result = {
            "metrics": metrics,
            "tables": run.tables,
            "attempt": attempt,
            "started": start,
            "ended": time.time(),
            "provenance": tags,
        }
        write_json(path / "result.json", result, exclusive=True)
    except FileExistsError:
        pass  # another attempt committed first: equal settings, equal result
    except Exception as error:
        if isinstance(error, OSError) and _is_of_the_disk(error, path):  # not the run's fault
            with suppress(OSError):
                directory.release(attempt)
            raise
        write_json(path / f"failure-{attempt}.json", describe_failure(error, start))
    except BaseException:
        directory.release(attempt)
        raise


def _is_of_the_disk(error: OSError, path: Path) -> bool:
    """Whether the disk of the run directory `path` is to blame."""
    inside = error.filename is not None and Path(str(error.filename)).is_relative_to(path)
    refused = inside and error.errno in (errno.EACCES, errno.EPERM)
    return refused or error.errno in UNWRITABLE or not path.is_dir()


def describe_failure(error: Exception, start: float) -> dict[str, Any]:
    """What is kept of a failed attempt; call it where the error was caught."""
    return {
        "error": f"{type(error).__name__}: {error}",
        "traceback": traceback.format_exc(),
        "started": start,
        "ended": time.time(),
    }


def _record_attempt(
    path: Path, lease: Lease, start: float, provenance: dict[str, Any]
) -> dict[str, str]:
    """Keep where and with what code this attempt runs; returns what becomes tags of the run."""
    for half_written in path.glob(".*.tmp"):  # by an attempt that was killed
        if not half_written.name.startswith(".claim-"):  # others may be trying to get one just now
            half_written.unlink(missing_ok=True)
    around = place()
    write_json(path / f"attempt-{lease.attempt}.json", {"started": start, **around})
    packages = "".join(f"{name}=={version}\n" for name, version in installed().items())
    for name, text in (("packages.txt", packages), ("code.diff", provenance.get(DIFF))):
        (path / name).unlink(missing_ok=True)  # of an earlier attempt
        if text is not None:
            with writing(path / name) as temporary:
                temporary.write_text(text)
    code = {name: text for name, text in provenance.items() if name != DIFF}
    return {**code, **versions(), **{name: str(value) for name, value in around.items()}}
