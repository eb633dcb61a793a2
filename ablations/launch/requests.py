"""What a launch wants done: each run once, and in which order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan
from typing import Any

from ablations.runs.directory import Inspection, State
from ablations.study.expansion import Expansion

MAX_LOST = 3  # a run whose process or worker dies so often in one launch is given up


@dataclass(frozen=True)
class Request:
    """A run that a launch wants done."""

    key: str
    config: dict[str, Any]  # plain values, see `Experiment.dump`
    attempts_before: int  # when the launch began
    lost_before: int = 0  # of these, those whose worker died
    dead: int = 0  # the attempt that was lost when the launch began, if one was
    code: str | None = None  # see `Experiment.code_for`; None where no user's code counts

    def may_try(self, seen: Inspection) -> bool:
        """Whether another attempt is due: once a launch, but for lost ones a few times."""
        if seen.state is State.LOST or seen.died:
            return seen.lost < self.lost_before + MAX_LOST
        if seen.state in (State.FAILED, State.CANCELLED):
            return seen.attempt <= self.attempts_before
        # the launch knew from the cluster what a worker would see after two minutes of silence
        over = seen.state is State.RUNNING and seen.attempt == self.dead
        return over or seen.state is State.WAITING


def requests_of(expansion: Expansion, seen: Mapping[str, Inspection]) -> list[Request]:
    """Every run of the plan, the longest first: no worker is left alone with one at the end.

    But none of other code: this one would do it, should its result be gone.

    Arguments:
        seen: where the runs stand, by key.
    """
    guesses = expansion.expected_seconds()
    order = sorted(guesses, key=lambda key: 0 if isnan(guesses[key]) else -guesses[key])
    dump = expansion.experiment.dump
    return [
        Request(
            key,
            dump(expansion.configs[key]),
            seen[key].attempt,
            seen[key].lost,
            dead=seen[key].attempt if seen[key].state is State.LOST else 0,
            code=expansion.experiment.code_for(expansion.configs[key]),
        )
        for key in order
        if key not in expansion.accepted
    ]
