"""What a figure compares: the levels of one axis, all other axes at the baseline."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from ablations.errors import UserError
from ablations.tracking.reader import TrackedRun, TrackedStudy
from reports.statistics.confidence import LEVEL
from reports.statistics.interval import Estimate, estimate
from reports.statistics.mcnemar import mcnemar
from snnet.front import chosen_by, front_area

# of a table of stitches, see `snnet.tables.stitch_table`
STITCH_COLUMNS = ("route", "anchors", "is_anchor", "macs", "params", "top1", "top1_before")


class NothingToDrawError(UserError):
    """The tracked runs do not hold what a figure shows; says what is missing."""


@dataclass(frozen=True)
class Level:
    """One level of an axis with the finished replicates, by seed."""

    axis: str
    label: str
    is_baseline: bool
    runs: dict[int, TrackedRun]
    planned: int  # replicates asked for

    @property
    def name(self) -> str:
        """The label, and whether it is the baseline's."""
        return f"{self.label} (baseline)" if self.is_baseline and self.axis else self.label

    @cached_property
    def stitches(self) -> pd.DataFrame:
        """One row a sub-network, by route: cost, mean `top1`, its `half_width` (share correct).

        With the means of what else a table has of every sub-network, such as `visits`.

        Raises:
            NothingToDrawError: the runs are of another experiment.
        """
        if not keep_stitches(self.runs.values()):
            raise NothingToDrawError("the runs keep no table of stitches")
        shared = {name: name for name in ("anchors", "is_anchor", "macs", "params")}
        rows = self.rows("route", "top1", **shared).rename(columns={"score": "top1"})
        together = pd.concat(run.table for run in self.runs.values())
        for column in ("top1_before", chosen_by(together), "visits"):
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


def keep_stitches(runs: Iterable[TrackedRun]) -> bool:
    """Whether all runs keep a table of sub-networks."""
    return all(set(STITCH_COLUMNS) <= set(run.table) for run in runs)


def axis_levels(study: TrackedStudy, axis: str) -> list[Level]:
    """The levels of `axis` in the study's order, the baseline first; empty levels included."""
    baseline = study.plan.baseline
    levels = []
    for label in study.plan.axes[axis]:
        replicates = study.replicates({**baseline, axis: label})
        runs = {seed: run for seed, run in replicates.items() if run is not None}
        levels.append(Level(axis, label, label == baseline[axis], runs, len(replicates)))
    return sorted(levels, key=lambda level: not level.is_baseline)


def baseline_level(study: TrackedStudy) -> Level:
    """The study's baseline, for which no axis is needed."""
    replicates = study.replicates(study.plan.baseline)
    runs = {seed: run for seed, run in replicates.items() if run is not None}
    return Level("", "baseline", True, runs, len(replicates))


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


def area(run: TrackedRun) -> float:
    """Area under the front of a run's stitches in percent."""
    return 100 * front_area(run.table)


def anchor_changes(level: Level) -> list[Estimate]:
    """Top-1 of each anchor after training minus before, percentage points, over seeds."""
    tables = [run.table[run.table.is_anchor] for run in level.runs.values()]
    changes = [100 * (table.top1 - table.top1_before).to_numpy() for table in tables]
    return [estimate(values) for values in zip(*changes, strict=True)]


def told_apart(level: Level, baseline: Level) -> tuple[int, int, int]:
    """Pairs of sub-networks, equal in route and seed, that the same test images tell apart.

    How many are better, how many are worse (McNemar, p below LEVEL, each pair for itself), and of
    how many; none where tables do not keep which images were correct.
    """
    better = worse = pairs = 0
    for seed in level.runs.keys() & baseline.runs.keys():
        one, other = (runs[seed].table for runs in (level.runs, baseline.runs))
        if "correct" not in one or "correct" not in other:
            continue
        both = one.merge(other, on="route", suffixes=("", "_other"))
        for ours, theirs in zip(both.correct, both.correct_other, strict=True):
            found = mcnemar(ours, theirs, 8 * len(ours))  # what fills the last byte is equal
            pairs += 1
            if found.p < LEVEL:  # not corrected for the other pairs
                better += found.only_ours > found.only_theirs
                worse += found.only_ours < found.only_theirs
    return better, worse, pairs
