"""A worker: takes runs one after the other until none is left, and commits their results."""

from __future__ import annotations

import errno
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ablations.errors import UserError
from ablations.file_system import UNWRITABLE
from ablations.files import HALF_WRITTEN, write_json, writing
from ablations.launch.process_group import (
    ALONE,
    FORM_SECONDS,
    PATIENCE_SECONDS,
    BrokenGroupError,
    ProcessGroup,
)
from ablations.launch.requests import Request
from ablations.runs import layout
from ablations.runs.attempt import Attempt, Stopped, check_metrics, stopping_on_signals
from ablations.runs.directory import Inspection, RunDirectory, State
from ablations.runs.home import Home
from ablations.runs.lease import HEARTBEAT_SECONDS, Lease, take_lease
from ablations.runs.provenance import DIFF, installed, surroundings, versions
from ablations.study.catalogue import load_study
from ablations.study.experiment import Experiment


def work(
    root: str,
    study: str,
    requests: Sequence[Request],
    provenance: Mapping[str, str],
    maximum: int | None = None,
    group: ProcessGroup = ALONE,
) -> None:
    """Do every request that nobody else does; returns when none is left to take.

    Arguments:
        root: the home directory.
        study: name or path; its experiment runs (see `load_study`).
        provenance: kept with every result, as tags.
        maximum: how many to do at most, or None for all.
        group: the processes that share each run.

    Raises:
        Stopped: SIGTERM, SIGINT or SIGUSR2 came; the run was given back.
        UserError: the home cannot be written; no run is blamed for it.
        BrokenGroupError: another process of the group is gone.
    """
    worker = Worker(Home(Path(root)), load_study(study)[1].experiment, provenance, group)
    with stopping_on_signals():
        if group.first:
            worker.lead(requests, maximum)
        else:
            worker.follow(requests)


@dataclass(frozen=True)
class Worker:
    """One process that does runs of an experiment.

    Attributes:
        provenance: kept with every result, as tags.
        group: the processes that share each run.
    """

    home: Home
    experiment: Experiment
    provenance: Mapping[str, str]
    group: ProcessGroup = ALONE

    def lead(self, requests: Sequence[Request], maximum: int | None) -> None:
        """Take one run after the other, and do it with the group."""
        troubles: list[OSError] = []
        self.group.gather(FORM_SECONDS)  # they may still be importing
        for request, lease in islice(leases(self.home, requests, troubles), maximum):
            self.group.tell((request.key, lease.attempt))
            try:
                with lease.heartbeat():
                    self.execute(request, lease)
            except Stopped:
                if not lease.cancelled_file.exists():
                    raise
            except OSError as error:
                raise UserError(_unwritable(error)) from None
            self.group.gather()
        self.group.tell(None)
        if troubles:
            raise UserError(f"{len(troubles)} runs cannot be tried: {_unwritable(troubles[0])}")

    def follow(self, requests: Sequence[Request]) -> None:
        """Do with the group what its first process takes and records."""
        configs = {request.key: request.config for request in requests}
        assignment = self.group.hear()
        while assignment is not None:
            key, attempt = assignment
            path, start = self.home.run(key).path, time.time()
            run = Attempt(path, self.home.cache, attempt)
            failure, patience = None, None
            try:
                self._call(configs[key], run)
            except Stopped as stopped:
                if stopped.signal is not None:
                    raise
            # the first process met the same, or waits for ever for this one
            except Exception as error:
                failure, patience = describe_failure(error, start), PATIENCE_SECONDS
            try:
                assignment = self.group.hear(patience)
            except BrokenGroupError:
                if failure:
                    with suppress(FileExistsError):
                        write_json(path / layout.FAILURE.of(attempt), failure, exclusive=True)
                raise

    def execute(self, request: Request, lease: Lease) -> None:
        """Do one run under a lease. A failure is recorded, not raised.

        Raises:
            OSError: nothing can be written.
            Stopped: it was told to.
        """
        path, attempt, start = lease.directory, lease.attempt, time.time()
        directory = RunDirectory(path)
        try:
            self._commit(request, lease, start)
        except FileExistsError:
            pass  # another attempt committed first: equal settings, equal result
        except Exception as error:
            if isinstance(error, OSError) and _is_of_the_disk(error, path):  # not the run's fault
                with suppress(OSError):
                    directory.release(attempt)
                raise
            write_json(path / layout.FAILURE.of(attempt), describe_failure(error, start))
        except BaseException:
            directory.release(attempt)
            raise

    def _commit(self, request: Request, lease: Lease, start: float) -> None:
        """Run the experiment, and write its result last."""
        path, experiment = lease.directory, self.experiment
        content = {"experiment": experiment.name, "schema": experiment.schema}
        write_json(path / layout.CONFIG, {**content, "config": request.config})
        tags = self._record_attempt(lease, start)
        run = Attempt(path, self.home.cache, lease.attempt)
        print(f"{path.name}: attempt {lease.attempt} begins", flush=True)  # into the worker's log
        metrics = self._call(request.config, run)
        check_metrics(metrics)
        result = {
            "metrics": metrics,
            "tables": run.tables,
            "attempt": lease.attempt,
            "started": start,
            "ended": time.time(),
            "provenance": tags,
        }
        write_json(path / layout.RESULT, result, exclusive=True)

    def _call(self, config: Mapping[str, Any], run: Attempt) -> dict[str, float]:
        with self.group.settling():
            return self.experiment.function(self.experiment.resolve(config), run)

    def _record_attempt(self, lease: Lease, start: float) -> dict[str, str]:
        """Keep where and with what code this attempt runs; returns what becomes tags of the run."""
        path = lease.directory
        for half_written in path.glob(HALF_WRITTEN):  # by an attempt that was killed
            # others may be trying to get a lease just now
            if not half_written.name.startswith(f".{layout.LEASE.start}-"):
                half_written.unlink(missing_ok=True)
        around = surroundings(self.group.size, self.group.gpus)
        write_json(path / layout.ATTEMPT.of(lease.attempt), {"started": start, **around})
        packages = "".join(f"{name}=={version}\n" for name, version in installed().items())
        diff = self.provenance.get(DIFF)
        for name, text in ((layout.PACKAGES, packages), (layout.CODE_DIFF, diff)):
            (path / name).unlink(missing_ok=True)  # of an earlier attempt
            if text is not None:
                with writing(path / name) as temporary:
                    temporary.write_text(text)
        code = {name: text for name, text in self.provenance.items() if name != DIFF}
        told = {name: str(value) for name, value in around.items()}
        return {**code, **versions(self.experiment.packages), **told}


def leases(
    home: Home, requests: Sequence[Request], troubles: list[OSError]
) -> Iterator[tuple[Request, Lease]]:
    """Every request that is due, with a lease; last those whose workers elsewhere fall silent.

    What cannot be taken for the file system's sake is left out, and the reason is added to
    `troubles`.
    """
    observer, left, closely = home.observer(), requests, False
    while left:
        others = []
        for request in left:
            directory = home.run(request.key)
            try:
                seen = directory.inspect(observer)
                lease = _take(directory, request, seen)
            except OSError as error:
                troubles.append(error)
                continue
            if lease:
                yield request, lease
            elif seen.lease and seen.state is State.RUNNING:
                others += [request] if observer.doubts(seen.lease, closely) else []
        left, closely = others, True
        time.sleep(HEARTBEAT_SECONDS if left else 0)


def _take(directory: RunDirectory, request: Request, seen: Inspection) -> Lease | None:
    """The lease on a run, or None where it is not due or another was quicker."""
    if not request.may_try(seen):
        return None
    directory.path.mkdir(exist_ok=True)  # never its parents: they vanish with a file system
    lease = take_lease(directory.path, seen.attempt + 1)
    # another attempt may have ended well between the look and the lease
    return lease if lease and directory.result() is None else None


def describe_failure(error: Exception, start: float) -> dict[str, Any]:
    """Record of a failed attempt; call it where the error was caught."""
    return {
        "error": f"{type(error).__name__}: {error}",
        "traceback": traceback.format_exc(),
        "started": start,
        "ended": time.time(),
    }


def _unwritable(error: OSError) -> str:
    return (
        f"cannot write {error.filename}: {error.strerror}; the same command goes on when that is "
        "mended"
    )


def _is_of_the_disk(error: OSError, path: Path) -> bool:
    """Whether the disk of the run directory `path` is to blame."""
    inside = error.filename is not None and Path(str(error.filename)).is_relative_to(path)
    refused = inside and error.errno in (errno.EACCES, errno.EPERM)
    return refused or error.errno in UNWRITABLE or not path.is_dir()
