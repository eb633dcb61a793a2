"""A scheduler without processes: one run at each look of the launcher, done in this process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ablations.launch.requests import Request
from ablations.launch.scheduler import Options, QueuedJob, Scheduler, Submitted, Work
from ablations.launch.worker import Worker
from ablations.runs.home import Home
from helpers.doers import Here

PLAIN = Options()


class HereScheduler(Scheduler):
    """As docs/extending.md asks for one.

    Attributes:
        submissions: the keys that were due, each time.
        cancelled: studies whose workers were to end.
        trouble: what `explain` says.
        listed: the jobs that `queue` lists.
        looks: how often it was asked for them.
        news: what `free` says, once.
    """

    detached: ClassVar[bool] = False
    poll_seconds: ClassVar[float] = 0.0
    default_workers: ClassVar[int] = 1

    def __init__(self, home: Home, options: Options = PLAIN) -> None:
        super().__init__(home, options)
        self.submissions: list[list[str]] = []
        self.cancelled: list[str] = []
        self.trouble: str | None = None
        self.listed: list[QueuedJob] = []
        self.looks = 0
        self.news: list[str] = []

    def check(self) -> None:
        pass

    @classmethod
    def is_here(cls) -> bool:
        return True

    def submit(
        self,
        work: Work,
        due: Sequence[Request],
        jobs: Sequence[QueuedJob],
        running: Sequence[Request],
    ) -> list[Submitted]:
        self.submissions.append([one.key for one in due])
        here = Here(self.home, work.expansion.experiment)
        Worker(self.home, work.expansion.experiment, work.provenance, here).lead(due, 1)
        return [Submitted(1, len(due), "in this process")]

    def queue(self, study: str | None = None) -> list[QueuedJob]:
        self.looks += 1
        return self.listed

    def free(self, jobs: Sequence[QueuedJob], needed: bool) -> list[str]:
        news, self.news = self.news, []
        return news

    def cancel(self, study: str) -> int:
        self.cancelled.append(study)
        return 1

    def explain(self, jobs: Sequence[QueuedJob], attempts: int) -> str | None:
        return self.trouble

    def script(self, work: Work, due: Sequence[Request], jobs: Sequence[QueuedJob]) -> str:
        return "".join(f"{one.key}\n" for one in due)


class DetachedScheduler(HereScheduler):
    """One whose workers outlive the command."""

    detached: ClassVar[bool] = True
