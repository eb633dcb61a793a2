"""Where workers run: the interface that this machine and each kind of cluster implement."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from ablations.errors import UserError
from ablations.launch.offer import Offer
from ablations.launch.requests import Request
from ablations.runs.home import Home
from ablations.study.expansion import Expansion
from ablations.study.limits import UNLIMITED, Limits


@dataclass(frozen=True)
class Options:
    """What the command line says of the workers; a scheduler refuses what it cannot do.

    Attributes:
        workers: how many side by side; None: as many as the scheduler has by default.
        per_gpu: how many side by side on each GPU of this machine; None: one.
        pack: runs that a worker does at most; None: any number.
        profile: a file that says what jobs may use; None: the one that lies here, if any.
        resources: what lies over it, by name.
        sync: whether a last job brings the tracking store up to date.
    """

    workers: int | None = None
    per_gpu: int | None = None
    pack: int | None = None
    profile: Path | None = None
    resources: Mapping[str, str] = field(default_factory=dict)
    sync: bool = False


@dataclass(frozen=True)
class Work:
    """What workers are to do.

    Attributes:
        study: its name or file, as `load_study` takes it.
        requests: every run of the plan, the longest first.
        provenance: kept with every result, as tags.
        uri: the tracking store.
        limits: of each run, whatever expansions come later.
        offer: where workers that end with the command wait for more; None: no more comes.
    """

    study: str
    expansion: Expansion
    requests: Sequence[Request]
    provenance: Mapping[str, str]
    uri: str
    limits: Limits = UNLIMITED
    offer: Offer | None = None


@dataclass(frozen=True)
class Submitted:
    """Workers that were submitted together.

    Attributes:
        runs: how many they have to do.
        detail: what they may use, and where to look for them.
    """

    workers: int
    runs: int
    detail: str


class SubmitLimitError(UserError):
    """The scheduler takes no more jobs for now; those that it has go on.

    Attributes:
        limit: in the scheduler's own word.
    """

    def __init__(self, limit: str, words: str) -> None:
        super().__init__(f"the limit {limit} lets no job in: {words}")
        self.limit = limit


@dataclass(frozen=True)
class QueuedJob:
    """A job that is not over, as its scheduler lists it.

    Attributes:
        number: as attempts keep it (`job` of `RunDirectory.attempt`).
        launch: the name of the launch that it belongs to.
        state: in the scheduler's own word, such as PENDING.
        works: whether it is a worker; one that only brings MLflow up to date is none, and neither
            is one that is just ending.
        reason: why it waits, in the scheduler's own word; empty where it runs.
        meaning: the same for people, where there is more to say.
        stuck: whether it waits for ever unless somebody helps.
        node: where it runs; empty where it waits.
        seconds_left: until its time is over; None where nobody knows, or it waits.
    """

    number: str
    launch: str
    state: str
    works: bool = True
    reason: str = ""
    meaning: str = ""
    stuck: bool = False
    node: str = ""
    seconds_left: float | None = None

    @property
    def can_work(self) -> bool:
        """Whether it does runs, or will do so by itself."""
        return self.works and not self.stuck

    @property
    def why(self) -> str:
        """Why it waits: the scheduler's word, and what that means."""
        return f"{self.reason} ({self.meaning})" if self.meaning else self.reason


class Scheduler(ABC):
    """Runs workers for one home.

    Attributes:
        detached: whether workers go on when the command that submitted them has ended.
        poll_seconds: between two looks at what became of them.
        workers: how many run side by side.
    """

    detached: ClassVar[bool]
    poll_seconds: ClassVar[float]

    @property
    @abstractmethod
    def default_workers(self) -> int:
        """How many run side by side where nobody says."""

    def __init__(self, home: Home, options: Options) -> None:
        """Raises UserError where this machine has no such scheduler."""
        self.home, self.options = home, options
        self.workers = options.workers or self.default_workers

    @abstractmethod
    def check(self) -> None:
        """Refuse options that the scheduler cannot take, before anything starts.

        Raises:
            UserError: says which, or what is wrong with the profile.
        """

    @classmethod
    @abstractmethod
    def is_here(cls) -> bool:
        """Whether this machine can reach such a scheduler."""

    @abstractmethod
    def submit(
        self,
        work: Work,
        due: Sequence[Request],
        jobs: Sequence[QueuedJob],
        running: Sequence[Request],
    ) -> list[Submitted]:
        """Start workers for what is due, less those that are at it already.

        Arguments:
            jobs: of the study, see `queue`.
            running: what somebody works on now, who may die: workers look at it again in the end.

        Raises:
            SubmitLimitError: the scheduler's limits let none in; nothing is left behind.
            UserError: the scheduler refuses; nothing is left behind.
        """

    @abstractmethod
    def queue(self, study: str | None = None) -> list[QueuedJob]:
        """The jobs of a study; without one at least all that were submitted from this home.

        Raises:
            UserError: the scheduler does not answer.
        """

    def free(self, jobs: Sequence[QueuedJob], needed: bool) -> list[str]:
        """Help jobs that are stuck, where that can be done; what was done or found, in sentences.

        Each sentence comes once in a command.

        Arguments:
            needed: whether there is anything for them to do; else they may end.
        """
        return []

    @abstractmethod
    def cancel(self, study: str) -> int:
        """End the workers of a study in good order; returns how many there were."""

    @abstractmethod
    def explain(self, jobs: Sequence[QueuedJob], attempts: int) -> str | None:
        """Why the workers that were submitted cannot work; None where they can.

        Arguments:
            jobs: of the study, see `queue`.
            attempts: at runs of the plan so far: where it stays the same, workers did nothing.
        """

    @abstractmethod
    def script(self, work: Work, due: Sequence[Request], jobs: Sequence[QueuedJob]) -> str:
        """What `submit` would have run, as shell lines; touches nothing."""
