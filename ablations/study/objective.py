"""What a search looks for: one or two values that every run is judged by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import isfinite
from typing import Any

from ablations.errors import LISTED, UserError, nearest
from ablations.parsing import parse_count
from ablations.runs.directory import RunDirectory
from ablations.runs.metrics import METRIC_NAME
from ablations.study.calls import NonsenseError, call
from ablations.study.fields import check_fields
from ablations.study.metric import Goal, Metric

GOALS: Mapping[str, Goal] = {"max": "maximize", "min": "minimize"}  # as users ask for them
PREFIXES = {goal: prefix for prefix, goal in GOALS.items()}
BY_METRIC = [f"{prefix}:METRIC" for prefix in GOALS]


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
        """Names of the values; one within a budget is called as the user calls it."""
        return [self.text] if self.budget else list(self.objective.goals)

    @property
    def goals(self) -> dict[str, Goal]:
        """What to do with each value, by its name."""
        return dict(zip(self.names, self.objective.goals.values(), strict=True))

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
        """How good the run was so far, by percent of it; empty where it tells nothing yet.

        Raises:
            UserError: what tells it fails.
        """
        if self.objective.curve is None:
            return {}
        what, curve = f"the curve of objective {self.text}", self.objective.curve
        while True:
            folder = run.files
            try:
                found: dict[int, float] = call(what, curve, run, self.budget, convert=_curve)
                return found
            except UserError:
                if run.files == folder:
                    raise
                # the attempt ended while its files were read, and they moved: they are read anew

    def check(self, config: Any) -> None:
        """Refuse a configuration whose runs would not tell the values.

        Raises:
            UserError: says why.
        """
        call(f"the check of objective {self.text}", self.objective.check, config)


def _curve(told: Mapping[Any, Any]) -> dict[int, float]:
    return {int(percent): float(told[percent]) for percent in sorted(told)}


def find_aim(
    objectives: Mapping[str, Objective],
    metrics: Sequence[Metric],
    text: str | None,
    returned: Callable[[], Sequence[str]] = tuple,
) -> Aim:
    """What `text` asks for: one value, or two with a comma between them.

    A value is max:METRIC or min:METRIC of what runs return, the name of an objective (NAME@NUMBER
    where it takes a budget), or that of a metric with a goal.

    Arguments:
        objectives, metrics: of the experiment.
        text: None for the first of them.
        returned: tells names of metrics that finished runs return, for messages.

    Raises:
        UserError: there is no such objective, its budget is none, or there are too many values.
    """
    text = text or next(iter(objectives), None) or _first(metrics)
    if text is None:
        known = returned()
        hint = f"; finished runs return {', '.join(known[:LISTED])}" if known else ""
        raise UserError(
            "the study's experiment names no objective and no metric with a goal: say --objective "
            f"{' or '.join(BY_METRIC)}{hint}"
        )
    if text in objectives:  # whatever its name is made of
        return _of_objective(objectives, text)
    parts = [_find_one(objectives, metrics, one.strip(), returned) for one in text.split(",")]
    return parts[0] if len(parts) == 1 else _joined(parts)


def _first(metrics: Sequence[Metric]) -> str | None:
    return next((metric.name for metric in metrics if metric.goal), None)


def _find_one(
    objectives: Mapping[str, Objective],
    metrics: Sequence[Metric],
    text: str,
    returned: Callable[[], Sequence[str]],
) -> Aim:
    prefix, _, metric = text.partition(":")
    if prefix in GOALS:
        if not METRIC_NAME.fullmatch(metric):
            raise UserError(f"the objective should read {prefix}:METRIC, not {text}")
        return _of_metric(metric, GOALS[prefix])
    name = text.partition("@")[0]
    if name in objectives:
        return _of_objective(objectives, text)
    goals = {metric.name: metric.goal for metric in metrics}
    goal = goals.get(text)
    if goal:
        return _of_metric(text, goal)
    if text in goals or text in returned():
        raise UserError(f"metric {text} has no goal: say --objective max:{text} or min:{text}")
    known = [*map(usage, objectives, objectives.values()), *filter(goals.get, goals), *BY_METRIC]
    raise UserError(f"there is no objective {name!r}: {nearest(name, known)}")


def _of_objective(objectives: Mapping[str, Objective], text: str) -> Aim:
    """An objective of the experiment, within the budget that `text` gives."""
    name, at, number = (text, "", "") if text in objectives else text.partition("@")
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


def _of_metric(name: str, goal: Goal) -> Aim:
    """A metric as runs return it, told while they train where they log one of that name."""
    objective = Objective({name: goal}, partial(_returned, name), partial(_logged, name))
    return Aim(f"{PREFIXES[goal]}:{name}", objective)


def _returned(name: str, run: RunDirectory, budget: float) -> list[float]:
    """The metric of a finished run.

    Raises:
        UserError: it did not return it; says which it did.
    """
    result = run.result()
    assert result is not None  # only runs that are done are scored
    metrics = result["metrics"]
    if name not in metrics:
        others = ", ".join(list(metrics)[:LISTED]) or "none at all"
        raise UserError(
            f"run {run.key} returned no metric {name!r}; the metrics that it returned: {others}"
        )
    return [metrics[name]]


def _logged(name: str, run: RunDirectory, budget: float) -> dict[int, float]:
    """The metric by percent of the steps; not at the end, when ending the run saves nothing."""
    curve = {
        int(100 * entry["step"] / entry["of"]): entry["metrics"][name]
        for entry in run.progress()
        if name in entry.get("metrics", ()) and isfinite(entry["step"]) and entry["of"] > 0
    }
    return {percent: value for percent, value in curve.items() if percent < 100}


def _joined(parts: Sequence[Aim]) -> Aim:
    """Two values as one objective, of which no curve is told: only one value has an order."""
    names = [name for part in parts for name in part.names]
    text = ",".join(part.text for part in parts)
    if len(names) > 2:
        raise UserError(f"a search looks for one value or two, not for {len(names)}: {text}")
    if len(set(names)) < len(names):
        raise UserError(f"the objective {text} names {names[0]} twice")

    def score(run: RunDirectory, budget: float) -> list[float]:
        return [value for part in parts for value in part.score(run)]

    def check(config: Any) -> None:
        for part in parts:
            part.check(config)

    goals = [goal for part in parts for goal in part.goals.values()]
    return Aim(text, Objective(dict(zip(names, goals, strict=True)), score, check=check))


def usage(name: str, objective: Objective) -> str:
    """How an objective is asked for."""
    return f"{name}@{objective.budget}" if objective.budget else name
