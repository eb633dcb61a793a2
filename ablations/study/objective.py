"""What a search looks for: one or two values that every run is judged by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ablations.errors import UserError, nearest
from ablations.parsing import parse_count
from ablations.runs.directory import RunDirectory
from ablations.study.calls import NonsenseError, call
from ablations.study.fields import check_fields
from ablations.study.metric import Goal


@dataclass(frozen=True)
class Objective:
    """What an experiment's runs can be judged by.

    Attributes:
        goals: what to do with each value, by its name.
        score: the values of a finished run, given its directory and the budget.
            Raises UserError where the run does not tell them.
        curve: of a run that goes on, how good it was so far by the share of it that was done, in
            percent; by this, bad runs are ended early. For objectives of one value.
        budget: the unit of the number that the user gives as NAME@NUMBER; None: it takes none.
        check: raises UserError where runs of this configuration would not tell the values.
        words: what it is, for people.
    """

    goals: Mapping[str, Goal]
    score: Callable[[RunDirectory, float], Sequence[float]]
    curve: Callable[[RunDirectory, float], Mapping[int, float]] | None = None
    budget: str | None = None
    check: Callable[[Any], None] = lambda config: None
    words: str = ""

    def __post_init__(self) -> None:
        check_fields(self, "objective")
        if not self.goals:
            raise UserError("objective: goals names no value")


@dataclass(frozen=True)
class Aim:
    """An objective with its budget, as the user asks for it."""

    text: str
    objective: Objective
    budget: float = 0.0

    @property
    def names(self) -> list[str]:
        """Names of the values; a single one is called as the user calls it."""
        names = list(self.objective.goals)
        return names if len(names) > 1 else [self.text]

    @property
    def goals(self) -> list[Goal]:
        """What to do with each value."""
        return list(self.objective.goals.values())

    def score(self, run: RunDirectory) -> list[float]:
        """The values of a finished run.

        Raises:
            UserError: it does not tell them.
        """
        what, score = f"the score of objective {self.text}", self.objective.score
        found: list[float] = call(what, score, run, self.budget, convert=self._values)
        return found

    def _values(self, found: Any) -> list[float]:
        values = [float(value) for value in found]
        if len(values) != len(self.names):
            raise NonsenseError(f"returned {len(values)} values, not {len(self.names)}")
        return values

    def curve(self, run: RunDirectory) -> dict[int, float]:
        """How good the run was so far, by percent of it; empty where it tells nothing yet."""
        if self.objective.curve is None:
            return {}
        what = f"the curve of objective {self.text}"
        found: dict[int, float] = call(
            what,
            self.objective.curve,
            run,
            self.budget,
            convert=lambda told: {int(percent): float(told[percent]) for percent in sorted(told)},
        )
        return found

    def check(self, config: Any) -> None:
        """Refuse a configuration whose runs would not tell the values.

        Raises:
            UserError: says why.
        """
        call(f"the check of objective {self.text}", self.objective.check, config)


def find_aim(objectives: Mapping[str, Objective], text: str | None) -> Aim:
    """What `text` asks for: NAME, or NAME@NUMBER where the objective takes a budget.

    Arguments:
        text: None for the first of them.

    Raises:
        UserError: there is no such objective, or its budget is none.
    """
    if not objectives:
        raise UserError("the study's experiment names no objective, so it cannot be searched")
    text = text or next(iter(objectives))
    name, at, number = text.partition("@")
    if name not in objectives:
        known = nearest(name, map(usage, objectives, objectives.values()))
        raise UserError(f"there is no objective {name!r}: {known}")
    objective = objectives[name]
    if bool(at) != (objective.budget is not None):
        raise UserError(f"the objective should read {usage(name, objective)}, not {text}")
    if not at:
        return Aim(text, objective)
    try:
        budget = parse_count(number)
    except ValueError:
        budget = 0.0
    if not budget > 0:
        raise UserError(
            f"the objective {text} needs a number above 0 of {objective.budget}, such as {name}@2M"
        )
    return Aim(text, objective, budget)


def usage(name: str, objective: Objective) -> str:
    """How an objective is asked for."""
    return f"{name}@{objective.budget}" if objective.budget else name
