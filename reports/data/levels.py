"""What a figure compares: the levels of one axis, all other axes at the baseline."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from ablations.errors import UserError
from ablations.study.metric import Metric, Table
from ablations.tracking.reader import TrackedRun, TrackedStudy
from reports.data.score import before, score_of
from reports.statistics.confidence import LEVEL
from reports.statistics.interval import Estimate, estimate
from reports.statistics.mcnemar import mcnemar
from snnet.front import chosen_by, front_area

# of a table of stitches, see `snnet.tables.stitch_table`
STITCH_COLUMNS = ("route", "anchors", "is_anchor", "macs", "params")


class NothingToDrawError(UserError):
    """The tracked runs do not hold what a figure shows; says what is missing."""


def anchors_in(run: TrackedRun) -> list[str]:
    """The names of a run's anchors in its settings, by number; none where it has no such setting.

    How they are written: `reports.drawing.words.named`.
    """
    with suppress(ValueError):  # a user's own setting of this name may be any text
        found = json.loads(run.params.get("anchors", ""))
        if isinstance(found, list) and all(isinstance(one, dict) for one in found):
            return [str(one.get("name", number)) for number, one in enumerate(found)]
    return []


@dataclass(frozen=True)
class Level:
    """One level of an axis with the finished replicates, by seed."""

    axis: str
    label: str
    is_baseline: bool
    runs: dict[int, TrackedRun]
    planned: int  # replicates asked for
    table: Table | None = None  # of the experiment

    @property
    def name(self) -> str:
        """The label, and whether it is the baseline's."""
        return f"{self.label} (baseline)" if self.is_baseline and self.axis else self.label

    @cached_property
    def score(self) -> Metric:
        """What its runs are scored by.

        Raises:
            NothingToDrawError: no score is declared that all of them have.
        """
        found = common_score(self)
        if found is None:
            raise NothingToDrawError("the runs keep no table with a score that all have")
        return found

    @cached_property
    def anchors(self) -> list[str]:
        """The names of its anchors, fast to slow; none where its runs have no such setting."""
        return next(map(anchors_in, self.runs.values()), [])

    @cached_property
    def stitches(self) -> pd.DataFrame:
        """One row a sub-network, by route: cost, its mean score by name, and its `half_width`.

        With the means of what else a table has of every sub-network, such as `visits`.

        Raises:
            NothingToDrawError: the runs are of another experiment.
        """
        if not keep_stitches(self.runs.values(), self.table):
            raise NothingToDrawError("the runs keep no table of stitches")
        name = self.score.name
        shared = {name: name for name in ("anchors", "is_anchor", "macs", "params")}
        rows = self.rows("route", name, **shared).rename(columns={"score": name})
        together = pd.concat(run.table for run in self.runs.values())
        for column in (before(name), chosen_by(together, name), "visits"):
            if column in together and column not in rows:
                rows[column] = together.groupby("route", sort=False)[column].mean()
        return rows

    def rows(self, row: str, score: str, **others: str) -> pd.DataFrame:
        """The rows of the runs' tables, by their column `row`: mean `score`, and its `half_width`.

        Arguments:
            others: columns in which all runs agree, by what they shall be called.
        """
        together = pd.concat(run.table for run in self.runs.values())
        groups = together.groupby(row, sort=False)
        scores = groups[score].apply(lambda values: estimate(list(values)))
        rows = pd.DataFrame(index=scores.index)
        rows["score"] = [one.mean for one in scores]
        rows["half_width"] = [one.half_width for one in scores]
        return rows.assign(**{name: groups[column].first() for name, column in others.items()})


def common_score(level: Level) -> Metric | None:
    """The score that all runs of a level have, if one is declared."""
    columns: list[set[Hashable]] = [set(run.table) for run in level.runs.values()]
    return score_of(level.table, set.intersection(*columns) if columns else ())


def keep_stitches(runs: Iterable[TrackedRun], table: Table | None) -> bool:
    """Whether all runs keep a table of sub-networks, scored before and after training.

    Arguments:
        table: that their experiment declares.
    """
    for run in runs:
        score = score_of(table, run.table)
        if score is None or not {*STITCH_COLUMNS, before(score.name)} <= set(run.table):
            return False
    return True


def axis_levels(study: TrackedStudy, axis: str) -> list[Level]:
    """The levels of `axis` in the study's order, the baseline first; empty levels included."""
    baseline = study.plan.baseline
    levels = []
    for label in study.plan.axes[axis]:
        replicates = study.replicates({**baseline, axis: label})
        runs = {seed: run for seed, run in replicates.items() if run is not None}
        found = Level(axis, label, label == baseline[axis], runs, len(replicates), study.plan.table)
        levels.append(found)
    return sorted(levels, key=lambda level: not level.is_baseline)


def baseline_level(study: TrackedStudy) -> Level:
    """The study's baseline, for which no axis is needed."""
    replicates = study.replicates(study.plan.baseline)
    runs = {seed: run for seed, run in replicates.items() if run is not None}
    return Level("", "baseline", True, runs, len(replicates), study.plan.table)


Value = Callable[[TrackedRun], float | None]  # a number of a run, if it tells it


def mean(level: Level, value: Value) -> Estimate:
    """A number of a run, over the seeds that tell it."""
    values = [value(run) for run in level.runs.values()]
    return estimate([value for value in values if value is not None])


def gain(level: Level, baseline: Level, value: Value) -> Estimate:
    """What a number of a run is above the baseline's, paired by seed."""
    seeds = sorted(level.runs.keys() & baseline.runs.keys())
    pairs = [(value(level.runs[seed]), value(baseline.runs[seed])) for seed in seeds]
    return estimate([one - other for one, other in pairs if one is not None and other is not None])


def area(run: TrackedRun, table: Table | None) -> float | None:
    """Area under the front of a run's stitches in the unit of their score, if they have one."""
    score = score_of(table, run.table)
    if score is None:
        return None
    return score.factor * front_area(run.table, score.name, score.goal or "maximize")


def anchor_changes(level: Level) -> dict[str, Estimate]:
    """Score of each anchor after training minus before, in its unit, over seeds; by route."""
    score = level.score
    tables = [run.table[run.table.is_anchor] for run in level.runs.values()]
    changes = [
        score.factor * (table[score.name] - table[before(score.name)]).to_numpy()
        for table in tables
    ]
    return dict(
        zip(tables[0].route.astype(str), map(estimate, zip(*changes, strict=True)), strict=True)
    )


def told_apart(level: Level, baseline: Level) -> tuple[int, int, int]:
    """Pairs of sub-networks, equal in route and seed, that the same test images tell apart.

    How many are better, how many are worse (McNemar, p below LEVEL, each pair for itself), and of
    how many; none where tables do not keep which images were correct, or hold other images.
    """
    better = worse = pairs = 0
    for seed in level.runs.keys() & baseline.runs.keys():
        one, other = (runs[seed].table for runs in (level.runs, baseline.runs))
        if "correct" not in one or "correct" not in other:
            continue
        both = one.merge(other, on="route", suffixes=("", "_other"))
        for ours, theirs in zip(both.correct, both.correct_other, strict=True):
            if len(ours) != len(theirs):
                continue
            found = mcnemar(ours, theirs, 8 * len(ours))  # what fills the last byte is equal
            pairs += 1
            if found.p < LEVEL:  # not corrected for the other pairs
                better += found.only_ours > found.only_theirs
                worse += found.only_ours < found.only_theirs
    return better, worse, pairs
