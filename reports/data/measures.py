"""What claims compare: numbers of one run, read off its metrics and its table.

A measure is one number of the run, or a number for each row of its table, by row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from ablations.errors import UserError, nearest
from ablations.study.metric import Metric
from ablations.study.plan import Plan
from ablations.tracking.reader import TrackedRun
from reports.data.score import BEFORE, SCORE, score_of, with_score
from snnet.front import front_area


@dataclass(frozen=True)
class Measure:
    """A measure that is calculated from a run's table.

    Attributes:
        needs: columns that the table must have; beside its own `score`, `score_before` and
            `score_validation` (see `reports.data.score.with_score`).
        of: takes the table; gives a series over rows, or of one number for the whole run.
        unit: in which it is told.
    """

    needs: tuple[str, ...]
    of: Callable[[pd.DataFrame], pd.Series[float]]
    unit: str = "points"


def _stitches(table: pd.DataFrame) -> pd.DataFrame:
    """The rows without the anchors, by route."""
    return table[~table.is_anchor].set_index("route")


def _of_run(value: float) -> pd.Series[float]:
    return pd.Series({"run": value})


def _anchor_gain(table: pd.DataFrame) -> pd.Series[float]:
    anchors = table[table.is_anchor].set_index("route")
    return 100 * (anchors.score - anchors.score_before)


def _steps(table: pd.DataFrame) -> pd.Series[float]:
    """The change from each sub-network to the next costlier one."""
    ordered = table.sort_values("macs").set_index("route")
    return 100 * ordered.score.diff().dropna()


def _joints(table: pd.DataFrame) -> pd.DataFrame:
    """Stitches of two anchors, by route, with cost and score of the two."""
    anchors = table[table.is_anchor].set_index("route")
    rows = _stitches(table)
    ends = rows.anchors.str.split("-", expand=True)
    rows, ends = (part[ends[2].isna()] if 2 in ends else part for part in (rows, ends))
    pairs = {
        f"{end}_{name}": ends[number].map(anchors[name]).astype(float)
        for number, end in enumerate(("one", "other"))
        for name in ("macs", "score")
    }
    return rows.assign(**pairs)


def _between(table: pd.DataFrame) -> pd.Series[float]:
    """How far a stitch is from leaving what lies between its anchors; negative outside."""
    rows = _joints(table)
    low = rows[["one_score", "other_score"]].min(axis=1)
    high = rows[["one_score", "other_score"]].max(axis=1)
    return 100 * pd.concat([rows.score - low, high - rows.score], axis=1).min(axis=1)


def _above_chord(table: pd.DataFrame) -> pd.Series[float]:
    """What a stitch has above the straight line, over MACs, between its two anchors."""
    rows = _joints(table)
    share = (rows.macs - rows.one_macs) / (rows.other_macs - rows.one_macs)
    return 100 * (rows.score - rows.one_score - share * (rows.other_score - rows.one_score))


# of stitches, see `snnet.tables.stitch_table`; what a table scores needs no entry
MEASURES: dict[str, Measure] = {
    "loss": Measure(
        ("route", "is_anchor", "score", "score_before"),
        lambda table: 100 * (_stitches(table).score_before - _stitches(table).score),
    ),
    "anchor_gain": Measure(("route", "is_anchor", "score", "score_before"), _anchor_gain),
    "front_area": Measure(
        ("is_anchor", "macs", "score"), lambda table: _of_run(100 * front_area(table, SCORE))
    ),
    "rank_correlation": Measure(
        ("macs", "score"),
        lambda table: _of_run(100 * stats.spearmanr(table.macs, table.score).statistic),
        "hundredths",
    ),
    "between": Measure(("route", "anchors", "is_anchor", "score"), _between),
    "above_chord": Measure(("route", "anchors", "is_anchor", "macs", "score"), _above_chord),
    "step": Measure(("route", "macs", "score"), _steps),
}


def measure(name: str, run: TrackedRun, plan: Plan) -> pd.Series[float]:
    """A measure of one run, in its unit: of rows that are not marked, or one number.

    Arguments:
        name: of a score of the table, a metric, or one of `MEASURES`; or `score` or
            `score_before`, the score that the run's task has, more being better.

    Raises:
        UserError: there is none of that name.
    """
    table = plan.table
    scores = {one.name: one for one in table.scores} if table else {}
    main = score_of(table, run.table)
    scored = with_score(run.table, main)
    known = scores.get(name, main if name in (SCORE, BEFORE) else None)
    if table and known and name in scored:
        rows = scored[~scored[table.marked].astype(bool)] if table.marked else scored
        return known.factor * rows.set_index(table.row, drop=False)[name]
    found = _calculated(name, plan, scored)
    if found:
        return found.of(scored)
    value = run.value(_metric(name, plan))
    if value is not None:
        return _of_run(value)
    names = {*scores, *(one.name for one in plan.metrics), *run.metrics}
    names |= {key for key, one in MEASURES.items() if set(one.needs) <= set(scored)}
    raise UserError(f"there is no measure {name!r}: {nearest(name, sorted(names))}")


def unit_of(name: str, plan: Plan, table: pd.DataFrame) -> str:
    """The unit of a measure's differences in runs that have such a table."""
    for one in _declared(plan):
        if one.name == name:
            return one.difference_unit
    main = score_of(plan.table, table)
    if main and name in (SCORE, BEFORE):
        return main.difference_unit
    found = _calculated(name, plan, with_score(table, main))
    return found.unit if found else ""


def _calculated(name: str, plan: Plan, table: pd.DataFrame) -> Measure | None:
    """The one of `MEASURES` that a name stands for; what an experiment calls so itself is that."""
    found = None if name in {one.name for one in _declared(plan)} else MEASURES.get(name)
    return found if found and set(found.needs) <= set(table) else None


def _declared(plan: Plan) -> tuple[Metric, ...]:
    return (*(plan.table.scores if plan.table else ()), *plan.metrics)


def _metric(name: str, plan: Plan) -> Metric:
    return next((one for one in plan.metrics if one.name == name), Metric(name))


def differences(
    name: str, one: TrackedRun, other: TrackedRun | None, pairing: str, plan: Plan
) -> NDArray[np.float64]:
    """A measure of one run, less that of another, pair by pair.

    Arguments:
        other: None: the measure itself.
        pairing: the column that tells rows apart, or empty: what both have of the same name. The
            column of the cost: each row of the first, less what the second gives for as much
            (linear between its rows), inside its range.

    Raises:
        UserError: there is no such measure.
    """
    mine = measure(name, one, plan)
    if other is None:
        return np.asarray(mine, dtype=float)
    theirs = measure(name, other, plan)
    table = plan.table
    if table is None or table.cost is None or pairing != table.cost.name:
        both = mine.index.intersection(theirs.index)
        return np.asarray(mine[both] - theirs[both], dtype=float)
    costs_of = (run.table.set_index(table.row, drop=False)[table.cost.name] for run in (one, other))
    cost, their_cost = costs_of
    curve = theirs.groupby(their_cost[theirs.index]).mean()
    costs = cost[mine.index].to_numpy(dtype=float)
    inside = (costs >= curve.index.min()) & (costs <= curve.index.max())
    expected = np.interp(costs[inside], curve.index.to_numpy(dtype=float), curve.to_numpy())
    return np.asarray(mine, dtype=float)[inside] - expected
