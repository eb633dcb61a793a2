"""What a worker asks the processes that do its runs, and what they answer."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ablations.errors import UserError
from ablations.uris import without_secrets

MEND = "the same command goes on when that is mended"


@dataclass(frozen=True)
class Task:
    """One attempt at a run.

    Attributes:
        config: plain values, see `Experiment.dump`.
        folder: of the attempt, see `RunDirectory.begin`.
        meeting: address and port where the processes of the run may meet, as torch wants it; the
            port 0 is for those who share a machine to choose.
        code: the user's code that the run is of, see `Experiment.code_for`.
    """

    key: str
    attempt: int
    config: Mapping[str, Any]
    folder: Path
    meeting: tuple[str, int] = ("127.0.0.1", 0)
    code: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a task.

    Attributes:
        metrics: of a run that was done.
        tables: names of those that it saved.
        failure: `{error, traceback, ended}` where it failed.
        died: whether that took an interpreter with it.
        trouble: why no run can be done here, which is not its fault.
        stopped: whether it was stopped, and left what the next attempt needs.
        spoiled: whether it left its process such that no other run should be done there.
    """

    metrics: Mapping[str, float] = field(default_factory=dict)
    tables: Sequence[str] = ()
    failure: Mapping[str, Any] | None = None
    died: bool = False
    trouble: str | None = None
    stopped: bool = False
    spoiled: bool = False

    @property
    def well(self) -> bool:
        """Whether the run was done."""
        return not (self.stopped or self.failure or self.trouble)


def changed(study: str) -> str:
    """Why no run is done where a study's code is not that of the launch, whose keys runs have."""
    return (
        f"the code of {study} has changed since the launch; the same command runs it as it is now"
    )


def joined(outcomes: Sequence[Outcome]) -> Outcome:
    """What became of a task that several did together; the first one's numbers count.

    Where one was stopped or died, others may fail for want of it.
    """
    for kind in ("stopped", "trouble", "died", "failure"):
        found = [one for one in outcomes if getattr(one, kind)]
        if found:
            return found[0]
    return outcomes[0]


def failed(error: BaseException) -> Outcome:
    """What to answer where an error was caught; call it there."""
    text = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
    told = {"error": text, "traceback": traceback.format_exc()}  # in files and stores of others
    hidden = {name: without_secrets(text) for name, text in told.items()}
    return Outcome(failure={**hidden, "ended": time.time()})


def ended(reason: str, died: bool = True) -> Outcome:
    """The outcome of a task whose process did not answer."""
    trace = f"{reason}; the worker's log may tell more\n"
    return Outcome(failure={"error": reason, "traceback": trace, "ended": time.time()}, died=died)
