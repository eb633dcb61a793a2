"""Every row of the runs' tables at every level: the table that the linked view is drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
from pandas.api.types import is_numeric_dtype

from ablations.study.metric import Metric, Table, apart
from ablations.tracking.reader import TrackedStudy
from reports.data.levels import Level, NothingToDrawError
from reports.data.score import before, score_of
from reports.data.subject import Subject
from reports.drawing.words import plain
from reports.pages.routes import names_of
from reports.statistics.interval import Estimate, digits_for, estimate, number

NOTHING = "\N{EN DASH}"
FIXED = ("level", "row", "cost")  # kinds of the first columns
OURS = ("level", "row", "marked", "visits", "by seed")  # headings that no metric takes
MANY = 4000  # points; with more only levels of the first axis are shown


@dataclass(frozen=True)
class Points:
    """The table, as text.

    Attributes:
        kinds: what each column is to the view: `level`, `row`, `cost`, `score` (to be drawn),
            `note` (to be told).
        marked: whether the row stands out, for each of `rows`.
        first: the levels that are shown at first.
    """

    columns: tuple[str, ...]
    kinds: tuple[str, ...]
    rows: list[list[str]]
    marked: list[bool]
    first: list[str]


def points_of(study: TrackedStudy, measured: Mapping[str, Mapping[str, float]]) -> Points | None:
    """The points of a study; None where its rows have no score over a cost to draw.

    Arguments:
        measured: what else is known of the baseline's rows, by heading and row.
    """
    table = study.plan.table
    if table is None or table.cost is None:
        return None
    try:
        axes = [subject.levels for subject in Subject(study).axes() or [Subject(study)]]
    except NothingToDrawError:
        return None
    several = len(axes) > 1
    levels = {"baseline" if several else plain(axes[0][0].name): axes[0][0]}
    for one in (one for axis in axes for one in axis[1:]):
        name = f"{one.axis}: {one.label}" if several else one.name
        levels[name if plain(name) in levels else plain(name)] = one
    first = list(levels)[: len(axes[0])]
    if sum(len(next(iter(one.runs.values())).table) for one in levels.values()) > MANY:
        levels = {name: levels[name] for name in first}
    frame = pd.concat(
        [_rows(name, level, table, table.cost, measured) for name, level in levels.items()],
        ignore_index=True,
    )
    return _as_text(frame, table, first)


def rows_of(study: TrackedStudy) -> dict[str, str]:
    """The rows of the runs' tables by what marks call them: as tables do, anchors by name, too."""
    table = study.plan.table
    if table is None:
        return {}
    rows = {str(row) for run in study.runs.values() for row in run.table[table.row]}
    named = {name: str(number) for number, name in enumerate(names_of(study))}
    return {name: row for name, row in named.items() if row in rows} | {row: row for row in rows}


def _rows(
    name: str,
    level: Level,
    table: Table,
    cost: Metric,
    measured: Mapping[str, Mapping[str, float]],
) -> pd.DataFrame:
    """The points of a level; scores are estimates over its seeds."""
    together = pd.concat(run.table.assign(_seed=seed) for seed, run in level.runs.items())
    groups = together.groupby(table.row, sort=False)
    found = pd.DataFrame({"level": name, "row": list(groups.groups)})
    found["marked"] = groups[table.marked].first().to_numpy() if table.marked else False
    (heading,) = apart([cost.label], OURS, "cost")
    found[heading] = cost.factor * groups[cost.name].first().to_numpy(dtype=float)
    scores = _scores(table, together)
    headings = apart([label for label, _ in scores], [*OURS, heading], "score")
    for heading, (_, values) in zip(headings, scores, strict=True):
        scored = values.groupby(together[table.row], sort=False)
        found[heading] = pd.Series([estimate(list(one)) for _, one in scored], dtype=object)
    if level.is_baseline:
        for heading, values_of in measured.items():
            told = [[values_of[row]] if row in values_of else [] for row in found.row]
            found[heading] = pd.Series([estimate(one) for one in told], dtype=object)
    if "visits" in together and is_numeric_dtype(together.visits):
        found["visits"] = groups.visits.mean().to_numpy()
    score = score_of(table, together)
    if score is not None and len(level.runs) > 1:
        found["by seed"] = [_by_seed(rows, score) for _, rows in groups]
    return found


def _scores(table: Table, together: pd.DataFrame) -> list[tuple[str, pd.Series[float]]]:
    """What can be drawn: declared scores that the runs have, and what training changed."""
    there = [score for score in table.scores if score.name in together]
    values = {score.name: score.factor * together[score.name].astype(float) for score in there}
    found = [(score.label, values[score.name]) for score in there]
    for score in there:
        if before(score.name) in values:
            change = values[score.name] - values[before(score.name)]
            changed = Metric(score.name, f"{score.title}, change", score.difference_unit)
            found.append((changed.label, change))
    return found


def _by_seed(rows: pd.DataFrame, score: Metric) -> str:
    values = [score.factor * float(value) for value in rows[score.name]]
    digits = digits_for(values)
    told = zip(rows["_seed"], values, strict=True)
    return ", ".join(f"{seed}: {number(value, digits)}" for seed, value in told)


def _as_text(frame: pd.DataFrame, table: Table, first: list[str]) -> Points:
    """The points in words, the columns in the order in which they came."""
    shown, kinds = frame.drop(columns="marked").astype(object), {}
    shown = shown.where(shown.notna(), NOTHING)
    for place, name in enumerate(shown):
        kinds[name] = FIXED[place] if place < len(FIXED) else "note"
        if shown[name].map(lambda one: isinstance(one, Estimate)).any():
            kinds[name] = "score"
            shown[name] = _estimates(shown[name])
        elif kinds[name] == "cost" or name == "visits":
            shown[name] = shown[name].map(lambda one: one if one == NOTHING else f"{one:.6g}")
    columns = [table.row.replace("_", " ") if name == "row" else name for name in map(str, shown)]
    return Points(
        tuple(columns),
        tuple(kinds.values()),
        shown.astype(str).to_numpy().tolist(),
        frame.marked.astype(bool).tolist(),
        first,
    )


def _estimates(column: pd.Series) -> list[str]:
    told = [one for one in column if isinstance(one, Estimate)]
    digits = digits_for([one.mean for one in told])
    return [one.text(digits) if isinstance(one, Estimate) else NOTHING for one in column]
