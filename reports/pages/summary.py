"""The summary table of an axis: its levels in numbers, of stitches or of any experiment."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from operator import methodcaller

import pandas as pd

from ablations.study.metric import Metric, apart
from ablations.tracking.names import RUN_SECONDS
from ablations.tracking.reader import TrackedRun, TrackedStudy
from reports.data.levels import (
    Level,
    Value,
    anchor_changes,
    area,
    gain,
    keep_stitches,
    mean,
    told_apart,
)
from reports.data.quantities import digits, metrics_of
from reports.data.score import before
from reports.drawing.words import named
from reports.statistics.interval import Estimate, digits_for

SECONDS = "run (s)"  # how long runs took, of any experiment
COLUMNS = {
    "level": "level",
    "seeds": "seeds",
    "stitches": "sub-networks",
    "before": "mean {score} before, {unit}",
    "mean": "mean {score} after, {unit} (against baseline)",
    "area": "area under front, {unit} (against baseline)",
    "worst": "worst sub-network, {unit} (route)",
    "pairs": "better / worse on the same images (McNemar)",
    "anchors": "anchors: change by training, points",
    "seconds": "training, s",
    "passes": "sub-network passes",
}


def summary_table(levels: Sequence[Level], study: TrackedStudy) -> pd.DataFrame:
    """One row a level, the baseline first."""
    if keep_stitches(study.runs.values(), study.plan.table):
        rows = [_stitches_row(level, levels[0]) for level in levels]
        found = pd.DataFrame(rows).reindex(columns=list(COLUMNS)).rename(columns=_headings(levels))
    else:
        found = pd.DataFrame([_row(level, levels[0], study) for level in levels])
    return found.fillna("\N{EN DASH}")


def _headings(levels: Sequence[Level]) -> dict[str, str]:
    """What columns are called, with the score that their levels have."""
    scores = dict.fromkeys(level.score for level in levels if level.runs)
    titles, units = (
        " or ".join(dict.fromkeys(getattr(score, name) for score in scores))
        for name in ("title", "unit")
    )
    return {name: text.format(score=titles, unit=units) for name, text in COLUMNS.items()}


def _row(level: Level, baseline: Level, study: TrackedStudy) -> dict[str, str]:
    """A level of any experiment: its metrics, and what they are above the baseline's."""
    row = {"level": level.name, "seeds": f"{len(level.runs)}/{level.planned}"}
    metrics = metrics_of(study)
    headings = apart([metric.label for metric in metrics], [*row, SECONDS], "metric")
    for heading, metric in zip(headings, metrics, strict=True):
        places = digits(study, metric)
        text = mean(level, methodcaller("value", metric)).text(places)
        if not level.is_baseline:
            change = gain(level, baseline, methodcaller("value", metric))
            text += f" ({change.text(places, sign=True)})"
        row[heading] = text
    seconds = [value for value in map(_seconds, study.runs.values()) if value is not None]
    return {**row, SECONDS: mean(level, _seconds).text(digits_for(seconds))}


def _seconds(run: TrackedRun) -> float | None:
    return run.metrics.get(RUN_SECONDS)


def _changes(level: Level) -> str:
    """What training changed of each anchor, by name."""
    changes = [(named(route, level.anchors), one) for route, one in anchor_changes(level).items()]
    return ", ".join(f"{name} {change.text(sign=True)}" for name, change in changes)


def _stitches_row(level: Level, baseline: Level) -> dict[str, str]:
    """A level of stitching runs; cells that need finished runs are missing without them."""
    row = {"level": level.name, "seeds": f"{len(level.runs)}/{level.planned}"}
    if not level.runs:
        return row
    tables, score = [run.table for run in level.runs.values()], level.score
    scores = level.stitches[score.name]
    worst = str(scores.idxmax() if score.goal == "minimize" else scores.idxmin())
    ends, alone = (level.stitches[column][worst] for column in ("anchors", "is_anchor"))
    place = named(ends, level.anchors) if alone else worst
    after, start = (
        methodcaller("value", Metric(name, factor=score.factor))
        for name in (f"mean_{score.name}", f"mean_{before(score.name)}")
    )
    under = partial(area, table=level.table)

    def against(value: Value) -> str:
        change: Estimate = gain(level, baseline, value)
        alike = baseline.runs and baseline.score == score
        return "" if level.is_baseline or not alike else f" ({change.text(sign=True)})"

    def average(name: str) -> str:
        found = mean(level, methodcaller("value", Metric(name)))
        return f"{found.mean:.0f}" if found.n else ""

    better, worse, pairs = told_apart(level, baseline)
    return row | {
        "pairs": f"{better} / {worse} of {pairs}" if pairs and not level.is_baseline else "",
        "stitches": f"{len(tables[0])}",
        "before": mean(level, start).text(),
        "mean": mean(level, after).text() + against(after),
        "area": mean(level, under).text() + against(under),
        "worst": f"{score.factor * scores[worst]:.1f} ({place})",
        "anchors": _changes(level),
        "seconds": average("train_seconds"),
        "passes": average("passes"),
    }
