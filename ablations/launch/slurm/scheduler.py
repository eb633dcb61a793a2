"""SLURM: arrays of workers that go on when the command that submitted them has left."""

from __future__ import annotations

import math
import shutil
from collections import Counter
from collections.abc import Sequence
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
from ablations.launch.slurm.resources import Resources
from ablations.runs.home import Home
from ablations.study.plan import Plan

# all that SLURM has not let go of; of what is just ending its workers are no more
ALIVE = "PENDING,CONFIGURING,RUNNING,SUSPENDED,REQUEUED"
ENDING = "COMPLETING"


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
        self._attempts = 0
        self._attempts_at_submission = -1

    def check(self) -> None:
        """Refuse a profile that is damaged, or names what is unknown."""
        self._read_profile()

    def _read_profile(self) -> Profile:
        """What jobs may use: those who only look at the queue need none."""
        return read_profile(self.options.profile, self.options.resources)

    @classmethod
    def is_here(cls) -> bool:
        """Whether SLURM's commands are on the path."""
        return has_slurm()

    def submit(
        self, work: Work, due: Sequence[Request], jobs: Sequence[QueuedJob], running: int
    ) -> list[Submitted]:
        """Submit a launch for each kind of resources, see `Scheduler.submit`."""
        arrays = self._arrays(work, due, jobs)
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
                launches.append(make_launch(self.home, work, array.requests, code))
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

    def _arrays(self, work: Work, due: Sequence[Request], jobs: Sequence[QueuedJob]) -> list[Array]:
        """Workers for each kind of resources, less those that are queued for these runs."""
        plan, launches = work.expansion.plan, launches_of(self.home, work.expansion.plan.study)
        queued, arrays = Counter(job.launch for job in jobs if job.works), []
        profile = self._read_profile()
        check_names(profile, work, self.home)
        for resources, requests in by_resources(plan, due, profile):
            keys = {request.key for request in requests}
            busy = sum(queued[launch.name] for launch in launches if keys & launch.keys)
            count, pack = len(requests), self.options.pack
            wanted = min(self.workers, count) if pack is None else math.ceil(count / pack)
            if wanted > busy:
                arrays.append(Array(requests, resources, wanted - busy, self.workers, pack))
        return arrays

    def queue(self, study: str | None = None) -> list[QueuedJob]:
        """The jobs of a study; see `Scheduler.queue`.

        Without `study` all of SLURM's, whoever submitted them, and those that are just ending.
        """
        if study is None:
            which = [f"--states={ALIVE},{ENDING}"]
        else:
            names = [launch.name for launch in launches_of(self.home, study)]
            if not names:
                return []
            names += [f"{name}{SYNC}" for name in names]
            which = [f"--name={','.join(names)}", f"--states={ALIVE}"]
        lines = listed("squeue", "--noheader", "--array", "--format=%i %T %j", *which)
        jobs = (line.split(maxsplit=2) for line in lines)
        return [
            QueuedJob(number, name.removesuffix(SYNC), state, not name.endswith(SYNC))
            for number, state, name in jobs
        ]

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
        """What a worker said as it ended, or where to look where all ended without a run."""
        self._attempts = attempts
        said = next(filter(None, (launch.trouble for launch in self._launches)), None)
        barren = self._launches and not jobs and attempts == self._attempts_at_submission
        if said or not barren:
            return said
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
