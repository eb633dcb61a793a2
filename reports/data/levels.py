"""What a figure compares: the levels of one axis, all other axes at the baseline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from ablations.tracking.reader import TrackedRun, TrackedStudy
from reports.statistics.confidence import LEVEL
from reports.statistics.interval import Estimate, estimate
from reports.statistics.mcnemar import mcnemar
from snnet.front import front_area


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
        """
        together = pd.concat(run.table for run in self.runs.values())
        groups = together.groupby("route", sort=False)
        rows = groups[["anchors", "is_anchor", "macs", "params"]].first()
        scores = groups.top1.apply(lambda values: estimate(list(values)))
        rows["top1"] = [score.mean for score in scores]
        rows["half_width"] = [score.half_width for score in scores]
        for column in ("top1_before", "visits"):
            if column in together:
                rows[column] = groups[column].mean()
        return rows


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


def percent(level: Level, metric: str) -> Estimate:
    """A summary metric (share correct) of the level in percent, over seeds."""
    return estimate([100 * run.metrics[metric] for run in level.runs.values()])


def area(level: Level) -> Estimate:
    """Area under the front in percent, over seeds."""
    return estimate([100 * front_area(run.table) for run in level.runs.values()])


def mean_gain(level: Level, baseline: Level) -> Estimate:
    """Mean top-1 over stitches minus the baseline's, percentage points, paired by seed."""
    return _gain(level, baseline, lambda run: run.metrics["mean_top1"])


def area_gain(level: Level, baseline: Level) -> Estimate:
    """Area under the front minus the baseline's, percentage points, paired by seed."""
    return _gain(level, baseline, lambda run: front_area(run.table))


def _gain(level: Level, baseline: Level, value: Callable[[TrackedRun], float]) -> Estimate:
    seeds = sorted(level.runs.keys() & baseline.runs.keys())
    return estimate([100 * (value(level.runs[s]) - value(baseline.runs[s])) for s in seeds])


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
