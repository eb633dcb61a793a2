"""A worker: takes runs one after the other until none is left, and commits their results."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ablations.errors import UserError
from ablations.files import HALF_WRITTEN, write_json, writing
from ablations.launch.crew import CannotStartError, Crew, Doers
from ablations.launch.monitor import Monitor, is_wanted
from ablations.launch.offer import Offer
from ablations.launch.requests import Request
from ablations.launch.task import MEND, Outcome, Task, changed, ended
from ablations.launch.watch import Watch
from ablations.runs import layout
from ablations.runs.attempt import SIGNAL_SECONDS, Stopped, StopRequest, noticing_stop
from ablations.runs.directory import Inspection, RunDirectory, State, SupersededError
from ablations.runs.home import Home
from ablations.runs.lease import HEARTBEAT_SECONDS, Lease
from ablations.runs.provenance import CODE, DIFF, installed, own_job, surroundings, versions
from ablations.study.catalogue import load_study, own_file
from ablations.study.experiment import Experiment
from ablations.study.limits import UNLIMITED, Limits

POLL_SECONDS = 1.0  # between two looks at whether a run shall end
GRACE_SECONDS = 60.0  # for a run that was cancelled or passed a limit, to leave a checkpoint


def work(
    root: str,
    study: str,
    requests: Sequence[Request],
    provenance: Mapping[str, str],
    limits: Limits = UNLIMITED,
    maximum: int | None = None,
    doers: Doers | None = None,
    gpus: int | None = None,
    file: str | None = None,
    offer: Offer | None = None,
) -> int:
    """Do every request that nobody else does; returns how many of them failed, once none is left.

    Arguments:
        root: the home directory.
        study: name or path; its experiment runs (see `load_study`).
        provenance: kept with every result, as tags.
        limits: of each run.
        maximum: how many to do at most, or None for all.
        doers: who call the experiment's function; None: a process on this machine.
        gpus: see `Worker`.
        file: the user's own, where `study` is a copy of it.
        offer: where more requests come from when these are done; None: no more come.

    Raises:
        Stopped: one of `STOP_SIGNALS` came; the run was given back.
        UserError: the home cannot be written, or the study's code has changed since the launch; no
            run is blamed for it.
        CannotStartError: no process for the runs starts.
        LostNodeError: another machine of this worker is gone.
    """
    home = Home(Path(root))
    doers = doers or Crew(home, study)
    try:
        with noticing_stop() as stop:
            experiment = load_study(study)[1].experiment
            if not all(experiment.still_has(one.code, one.config) for one in requests[:1]):
                raise UserError(changed(study))  # of the others whoever does them looks
            found = Path(file) if file else own_file(study)
            worker = Worker(home, experiment, provenance, doers, limits, stop, gpus, found)
            failed = worker.lead(requests, maximum)
            for more in offer.follow(stop) if offer else ():
                failed += worker.lead(more)
            if stop.signal is not None:  # while it waited
                raise Stopped(stop.signal)
            return failed
    finally:
        doers.close()


@dataclass(frozen=True)
class Worker:
    """Takes leases, has the runs done by others, and records what came of them.

    Attributes:
        provenance: kept with every result, as tags.
        doers: who call the experiment's function.
        limits: of each run.
        stop: whether an end was asked for.
        gpus: that `doers` have, where a scheduler told; else they are counted.
        file: the user's study file, kept with every run: what it registers, whoever loads the
            result needs, too.
    """

    home: Home
    experiment: Experiment
    provenance: Mapping[str, str]
    doers: Doers
    limits: Limits = UNLIMITED
    stop: StopRequest = field(default_factory=StopRequest)
    gpus: int | None = None
    file: Path | None = None

    def lead(self, requests: Sequence[Request], maximum: int | None = None) -> int:
        """Take one run after the other; returns how many failed.

        What took its process with it is tried again here, as often as its request allows.
        """
        troubles: list[OSError] = []
        tried: dict[str, Request] = {}
        left = requests
        if any(map(self._is_due, requests)):
            self.doers.start()  # before a run is taken that nobody could do
        while left and self.stop.signal is None:
            before = len(troubles)
            for request, lease in leases(self.home, left, troubles, self.stop):
                tried[request.key] = request
                self._attempt(request, lease)
                if self.stop.signal is not None or len(tried) == maximum:
                    break
            stuck = len(troubles) > before
            left = [] if stuck else [one for one in tried.values() if self._is_due(one)]
        if self.stop.signal is not None:
            raise Stopped(self.stop.signal)
        if troubles:
            raise UserError(f"{len(troubles)} runs cannot be tried: {_unwritable(troubles[0])}")
        return sum(self._inspect(key).state is State.FAILED for key in tried)

    def _attempt(self, request: Request, lease: Lease) -> None:
        try:
            with lease.heartbeat():
                self.execute(request, lease)
        except OSError as error:
            raise UserError(_unwritable(error)) from None

    def _inspect(self, key: str) -> Inspection:
        return self.home.run(key).inspect(self.home.observer())

    def _is_due(self, request: Request) -> bool:
        return request.may_try(self._inspect(request.key))

    def execute(self, request: Request, lease: Lease) -> None:
        """Do one run under a lease. A failure is recorded, not raised.

        Raises:
            OSError, UserError: nothing can be written.
            Stopped: it was told to.
        """
        directory, start = RunDirectory(lease.directory), time.time()
        try:
            tags = self._prepare(request, lease, start)
            print(f"{directory.key}: attempt {lease.attempt} begins", flush=True)
            outcome = self._do(self._task(request, lease), lease)
            if outcome.well:
                self._commit(directory, lease, outcome, tags, start)
            else:
                self._record(directory, lease, outcome, start)
        except (SupersededError, OSError) as error:
            if isinstance(error, OSError) and not lease.is_superseded:
                self._give_back(directory, lease)
                raise
            print(f"{directory.key}: another attempt has the run; this one stops", flush=True)
        except BaseException:
            self._give_back(directory, lease)
            raise

    def _task(self, request: Request, lease: Lease) -> Task:
        code = request.code
        return Task(request.key, lease.attempt, request.config, lease.files, code=code)

    def _give_back(self, directory: RunDirectory, lease: Lease) -> None:
        with suppress(OSError):  # that may be why
            directory.release(lease.attempt)

    def _do(self, task: Task, lease: Lease) -> Outcome:
        """Have it done, and watch over it.

        Raises:
            SupersededError: another attempt has the run.
        """
        watch = Watch(self.limits, RunDirectory(lease.directory), task.attempt)
        monitor = Monitor(lease.files, task.attempt) if is_wanted() else None
        passed = None  # the limit
        try:
            self.doers.begin(task)
            while (outcome := self.doers.outcome(POLL_SECONDS)) is None:
                passed = passed or watch.passed()
                if monitor:
                    monitor.look()
                if lease.is_superseded:
                    self.doers.kill()
                elif self.stop.signal is not None:  # whoever sent it ends us when it has waited
                    self.doers.stop()
                elif passed or lease.cancelled_file.exists():
                    self._end(watch)
        except CannotStartError:
            if self.stop.signal is None:
                raise
            return Outcome(stopped=True)
        if lease.is_superseded:
            raise SupersededError
        if outcome.well or outcome.trouble:
            return outcome
        if passed:
            return ended(passed, died=False)
        if lease.cancelled_file.exists():
            return Outcome(stopped=True)
        if outcome.stopped:
            self._await_signal()
        return outcome

    def _await_signal(self) -> None:
        """Wait for what a run's process met and this one may not have yet.

        Whoever ends a job signals all its processes; nothing else shall be begun meanwhile.
        """
        deadline = time.monotonic() + SIGNAL_SECONDS
        while self.stop.signal is None and time.monotonic() < deadline:
            time.sleep(0.1)

    def _end(self, watch: Watch) -> None:
        """Let the run leave a checkpoint; end it where that takes too long."""
        if watch.patient(GRACE_SECONDS):
            self.doers.stop()
        else:
            self.doers.kill()

    def _prepare(self, request: Request, lease: Lease, start: float) -> dict[str, str]:
        """Make the attempt's folder, and keep where and with what code it runs.

        Returns:
            What becomes tags of the run.

        Raises:
            SupersededError: another attempt has the run already.
        """
        path, experiment = lease.directory, self.experiment
        for half_written in path.glob(HALF_WRITTEN):  # by an attempt that was killed
            # others may be trying to get a lease just now
            if not half_written.name.startswith(f".{layout.LEASE.start}-"):
                half_written.unlink(missing_ok=True)
        content: dict[str, Any] = {"experiment": experiment.name, "schema": experiment.schema}
        content |= {} if request.code is None else {CODE: request.code}
        content |= {"study_file": str(self.file)} if self.file else {}
        write_json(path / layout.CONFIG, {**content, "config": request.config})
        around = surroundings(self.doers.processes, self.gpus)
        write_json(path / layout.ATTEMPT.of(lease.attempt), {"started": start, **around})
        folder = RunDirectory(path).begin(lease)
        packages = "".join(f"{name}=={version}\n" for name, version in installed().items())
        diff = self.provenance.get(DIFF)
        for name, text in ((layout.PACKAGES, packages), (layout.CODE_DIFF, diff)):
            (folder / name).unlink(missing_ok=True)  # of an earlier attempt
            if text is not None:
                with writing(folder / name) as temporary:
                    temporary.write_text(text)
        code = {name: text for name, text in self.provenance.items() if name != DIFF}
        code |= {} if request.code is None else {CODE: request.code}
        told = {name: str(value) for name, value in around.items()}
        return {**code, **versions(experiment.packages), **told}

    def _commit(
        self,
        directory: RunDirectory,
        lease: Lease,
        outcome: Outcome,
        tags: dict[str, str],
        start: float,
    ) -> None:
        """Make what the attempt wrote the result."""
        result = {
            "metrics": dict(outcome.metrics),
            "tables": list(outcome.tables),
            "attempt": lease.attempt,
            "started": start,
            "ended": time.time(),
            "provenance": tags,
        }
        directory.commit(lease, result)

    def _record(
        self, directory: RunDirectory, lease: Lease, outcome: Outcome, start: float
    ) -> None:
        """Keep why there is no result."""
        if outcome.stopped:
            directory.release(lease.attempt)
        elif outcome.trouble:
            raise UserError(outcome.trouble)
        else:
            kind = layout.DEATH if outcome.died else layout.FAILURE
            failure = {**(outcome.failure or {}), "started": start}
            write_json(directory.path / kind.of(lease.attempt), failure)


def leases(
    home: Home, requests: Sequence[Request], troubles: list[OSError], stop: StopRequest
) -> Iterator[tuple[Request, Lease]]:
    """Every request that is due, with a lease; last those whose workers elsewhere are gone.

    Who seemed alive is looked at again when a run was done meanwhile: an owner may take its time to
    die, as on a disk that is gone, and nobody else may come by afterwards.

    What cannot be taken for the file system's sake is left out, and the reason is added to
    `troubles`. Ends early where `stop` is asked for.
    """
    observer, left, closely = home.observer(), requests, False
    job = own_job().get("job")
    while left and stop.signal is None:
        took, others = False, []
        for request in left:
            directory = home.run(request.key)
            try:
                seen = directory.inspect(observer)
                if _is_of_an_earlier_start(directory, seen, job):
                    seen = replace(seen, state=State.LOST, lost=seen.lost + 1)
                lease = directory.take(seen) if request.may_try(seen) else None
            except OSError as error:
                troubles.append(error)
                continue
            if lease:
                took = True
                yield request, lease
            elif seen.lease and seen.state is State.RUNNING:
                others.append((request, observer.doubts(seen.lease, closely)))
        left = [request for request, doubted in others if took or doubted]
        closely = not took
        time.sleep(HEARTBEAT_SECONDS if left and closely else 0)


def _is_of_an_earlier_start(directory: RunDirectory, seen: Inspection, job: str | None) -> bool:
    """Whether this very job worked on the run before it was queued again.

    Its processes of then are gone, or should be: what still runs loses the run.
    """
    if seen.state is not State.RUNNING or seen.lease is None or job is None:
        return False
    elsewhere = seen.lease.owner.is_alive() is None
    return elsewhere and directory.attempt(seen.attempt).get("job") == job


def _unwritable(error: OSError) -> str:
    return f"cannot write {error.filename}: {error.strerror}; {MEND}"
