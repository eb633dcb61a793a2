"""SLURM: arrays of workers that go on when the command that submitted them has left."""

from __future__ import annotations

import math
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from ablations.errors import UserError
from ablations.launch.code_copy import code_path, copy_code
from ablations.launch.launches import Launch, launches_of, make_launch
from ablations.launch.requests import Request
from ablations.launch.scheduler import (
    Options,
    QueuedJob,
    Scheduler,
    SubmitLimitError,
    Submitted,
    Work,
)
from ablations.launch.slurm.batch import SYNC, Array, Submission
from ablations.launch.slurm.commands import has_slurm, listed, require_slurm, slurm
from ablations.launch.slurm.profile import Profile, check_names, read_profile
from ablations.launch.slurm.reasons import is_held, may_release, meaning_of, never_starts
from ablations.launch.slurm.resources import Resources
from ablations.runs.home import Home
from ablations.study.plan import Plan

ENDING = "COMPLETING"  # workers no more
# all that SLURM has not let go of
STATES = f"PENDING,CONFIGURING,RUNNING,SUSPENDED,REQUEUED,REQUEUE_HOLD,SPECIAL_EXIT,{ENDING}"
WAITING = ("PENDING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT")
FIELDS = "%i|%T|%r|%N|%L|%j"  # the name last: it may hold anything
RELEASES = 3  # of one job by one command: what fails so often is not its node's fault


LIMITED = (
    "; no more of them for SLURM's limit {}: the same command tops up, `--workers N` asks for fewer"
)


class SlurmScheduler(Scheduler):
    """Submits launches of one home to SLURM, and finds their jobs again by name."""

    detached: ClassVar[bool] = True
    poll_seconds: ClassVar[float] = 5.0
    default_workers: ClassVar[int] = 32

    def __init__(self, home: Home, options: Options) -> None:
        super().__init__(home, options)
        require_slurm()
        self._launches: list[Launch] = []  # of this command
        self._released: Counter[str] = Counter()  # how often, by the number of a job
        self._said: set[str] = set()
        self._attempts = 0
        self._attempts_at_submission = -1

    def check(self) -> None:
        """Refuse a profile that is damaged, or names what is unknown, and --per-gpu."""
        if self.options.per_gpu:
            raise UserError("--per-gpu goes with --cluster local; here a run has its GPUs alone")
        self._read_profile()

    def _read_profile(self) -> Profile:
        """What jobs may use: those who only look at the queue need none."""
        return read_profile(self.options.profile, self.options.resources)

    @classmethod
    def is_here(cls) -> bool:
        """Whether SLURM's commands are on the path."""
        return has_slurm()

    def submit(
        self,
        work: Work,
        due: Sequence[Request],
        jobs: Sequence[QueuedJob],
        running: Sequence[Request],
    ) -> list[Submitted]:
        """Submit a launch for each kind of resources, see `Scheduler.submit`."""
        arrays = self._arrays(work, due, jobs, running)
        if not arrays:
            return []
        taken = self._submit(work, arrays)
        self._launches += [launch for launch, _, _ in taken]
        self._attempts_at_submission = self._attempts
        return [
            Submitted(
                submission.workers,
                len(array.requests),
                f"({array.resources.brief()}); job name and logs: {launch.path}"
                + (LIMITED.format(submission.limit) if submission.limit else ""),
            )
            for launch, array, submission in taken
        ]

    def _submit(
        self, work: Work, arrays: Sequence[Array]
    ) -> list[tuple[Launch, Array, Submission]]:
        """A launch for each array that fits; where SLURM refuses one, none is left behind."""
        code = copy_code(self.home)
        launches: list[Launch] = []
        taken: list[tuple[Launch, Array, Submission]] = []
        try:
            for array in arrays:
                launches.append(
                    make_launch(self.home, work, [*array.requests, *array.others], code)
                )
                try:
                    submission = array.submit(launches[-1].path, self.home, code)
                except SubmitLimitError as reached:
                    if not taken:
                        raise
                    shutil.rmtree(launches.pop().path)
                    taken.append((*taken.pop()[:2], replace(submission, limit=reached.limit)))
                    break
                taken.append((launches[-1], array, submission))
            if self.options.sync:
                self._submit_sync(taken, code, work.uri)
        except UserError:
            for launch in launches:
                shutil.rmtree(launch.path)
                with suppress(UserError):  # the first reason is the one to tell
                    slurm("scancel", "--quiet", f"--name={launch.name}")
            raise
        return taken

    def _submit_sync(
        self, taken: list[tuple[Launch, Array, Submission]], code: Path | None, uri: str
    ) -> None:
        """The job that tracks; where no more jobs are taken, that is told in its place."""
        launch, array, submission = taken.pop()
        numbers = submission.arrays.union(*(one.arrays for _, _, one in taken))
        try:
            array.submit_sync(launch.path, self.home, code, numbers, uri)
        except SubmitLimitError as reached:
            untracked = f"{reached.limit}, which keeps the job that tracks out (`ablate sync`)"
            submission = replace(submission, limit=untracked)
        taken.append((launch, array, submission))

    def _arrays(
        self,
        work: Work,
        due: Sequence[Request],
        jobs: Sequence[QueuedJob],
        running: Sequence[Request] = (),
    ) -> list[Array]:
        """Workers for each kind of resources, less those that are queued for these runs."""
        plan, launches = work.expansion.plan, launches_of(self.home, work.expansion.plan.study)
        queued, arrays = Counter(job.launch for job in jobs if job.can_work), []
        profile = self._read_profile()
        check_names(profile, work, self.home)
        at_work = by_resources(plan, running, profile)
        for resources, requests in by_resources(plan, due, profile):
            keys = {request.key for request in requests}
            at_it = [one for one in launches if queued[one.name] and keys & one.keys]
            busy = sum(queued[launch.name] for launch in at_it)
            count, pack = len(requests), self.options.pack
            wanted = min(self.workers, count) if pack is None else math.ceil(count / pack)
            if wanted > busy:
                others = [one for alike, group in at_work if alike == resources for one in group]
                made = Array(requests, resources, wanted - busy, self.workers, pack, others)
                arrays.append(made)
        return arrays

    def queue(self, study: str | None = None) -> list[QueuedJob]:
        """The jobs of a study; without one all of SLURM's. See `Scheduler.queue`."""
        which = [f"--states={STATES}"]
        if study is not None:
            names = [launch.name for launch in launches_of(self.home, study)]
            if not names:
                return []
            which.append(f"--name={','.join(names + [f'{name}{SYNC}' for name in names])}")
        return [
            _job(line)
            for line in listed("squeue", "--noheader", "--array", f"--format={FIELDS}", *which)
        ]

    def free(self, jobs: Sequence[QueuedJob], needed: bool) -> list[str]:
        """Release what SLURM holds itself, cancel what never starts, tell of what others hold.

        Where nothing is left to do, all of them are cancelled.
        """
        news = [text for text in self._free(jobs, needed) if text not in self._said]
        self._said.update(news)
        return news

    def _free(self, jobs: Sequence[QueuedJob], needed: bool) -> Iterator[str]:
        groups: dict[str, list[QueuedJob]] = {}
        own = {launch.name for launch in self._launches}
        for job in jobs:
            # what this command submitted in vain it does not submit again, see `explain`
            if job.stuck and not (job.launch in own and never_starts(job.reason)):
                groups.setdefault(job.why, []).append(job)
        for why, group in groups.items():
            numbers = ",".join(job.number for job in group)
            if not needed:
                _cancel(group)
                yield f"cancelled jobs {numbers}, for which nothing is left to do: {why}"
            elif may_release(group[0].reason):
                again = [job.number for job in group if self._released[job.number] < RELEASES]
                self._released.update(again)
                if again:
                    yield f"{_release(','.join(again))}, which SLURM held: {why}"
            elif is_held(group[0].reason):
                yield f"jobs {numbers} are held and do not count: {why}"
            else:
                _cancel(group)
                yield f"cancelled jobs {numbers}, which SLURM would never start: {why}"

    def cancel(self, study: str) -> int:
        """Cancel the jobs of a study; returns how many workers waited or ran.

        Running ones leave a checkpoint, for which SLURM's KillWait gives them time.
        """
        jobs = self.queue(study)
        for name in {job.launch for job in jobs}:
            slurm("scancel", "--quiet", f"--name={name}")
            slurm("scancel", "--quiet", f"--name={name}{SYNC}")
        return sum(job.works for job in jobs)

    def explain(self, jobs: Sequence[QueuedJob], attempts: int) -> str | None:
        """What a worker said as it ended, why SLURM starts none, or where to look for a reason."""
        self._attempts = attempts
        said = next(filter(None, (launch.trouble for launch in self._launches)), None)
        own = {launch.name for launch in self._launches}
        stuck = [job.why for job in jobs if job.stuck and job.launch in own]
        if said or stuck:
            return said or f"SLURM starts none of {len(stuck)} workers: {stuck[0]}"
        at_work = any(job.can_work for job in jobs)
        if not self._launches or at_work or attempts != self._attempts_at_submission:
            return None
        return f"workers end before they start a run; logs: {self._launches[-1].path}"

    def script(self, work: Work, due: Sequence[Request], jobs: Sequence[QueuedJob]) -> str:
        """The batch scripts of all that would be submitted; of one worker where none is due."""
        plan, arrays = work.expansion.plan, self._arrays(work, due, jobs)
        example = Array([], self._read_profile().resources(plan.scale, {}), 1, self.workers)
        arrays = arrays or [example]
        folder, code = self.home.launches / f"{plan.study}-TIME", code_path(self.home)
        scripts = [text for array in arrays for text in array.scripts(folder, code)]
        if self.options.sync:
            numbers = [f"ARRAY{number}" for number, _ in enumerate(scripts, start=1)]
            scripts.append(arrays[-1].sync_script(folder, code, numbers))
        return "\n".join(scripts)


def _cancel(jobs: Sequence[QueuedJob]) -> None:
    with suppress(UserError):  # those of a colleague stay
        slurm("scancel", "--quiet", *(job.number for job in jobs))


def _release(numbers: str) -> str:
    """Let jobs go; says what came of it, for those of a colleague stay."""
    try:
        slurm("scontrol", "release", numbers)
    except UserError as error:
        return f"not all released ({error}) of jobs {numbers}"
    return f"released jobs {numbers}"


def _job(line: str) -> QueuedJob:
    """A line of the queue, see `FIELDS`."""
    number, state, reason, node, left, name = line.split("|", 5)
    waits = state in WAITING
    reason = reason if waits and reason != "None" else ""
    return QueuedJob(
        number,
        name.removesuffix(SYNC),
        state,
        works=state != ENDING and not name.endswith(SYNC),
        reason=reason,
        meaning=meaning_of(reason),
        stuck=waits and (is_held(reason) or never_starts(reason)),
        node="" if waits else node,
        seconds_left=None if waits else _seconds(left),
    )


def _seconds(told: str) -> float | None:
    """Seconds of SLURM's `1-02:03:04` or `3:04`; None where it says a word."""
    days, _, rest = told.rpartition("-")
    try:
        parts = [int(part) for part in rest.split(":")]
        return float(int(days or 0) * 86400 + sum(n * 60**i for i, n in enumerate(parts[::-1])))
    except ValueError:
        return None


def by_resources(
    plan: Plan, requests: Sequence[Request], profile: Profile
) -> list[tuple[Resources, list[Request]]]:
    """The requests by what their runs ask for."""
    runs = plan.runs
    asking: dict[tuple[tuple[str, str], ...], list[Request]] = {}  # by the levels that matter
    for request in requests:
        levels = runs[request.key].levels.items()
        own = tuple(item for item in levels if ("level", *item) in profile.layers)
        asking.setdefault(own, []).append(request)
    groups: list[tuple[Resources, list[Request]]] = []
    for own, members in asking.items():
        resources = profile.resources(plan.scale, dict(own))
        alike = [group for known, group in groups if known == resources]
        alike[0].extend(members) if alike else groups.append((resources, members))
    return groups
