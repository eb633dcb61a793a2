"""The score that the rows of a table are judged by, whatever the experiment calls it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import pandas as pd

from ablations.study.metric import Metric, Table
from snnet.front import held_out

SCORE, BEFORE = "score", "score_before"  # what claims call it


def before(score: str) -> str:
    """The column of a score before training."""
    return f"{score}_before"


def score_of(table: Table | None, columns: Iterable[Hashable]) -> Metric | None:
    """The score of runs whose table has these columns: the first of the declared ones.

    An experiment may declare scores of several tasks, of which a run has those of its own.
    """
    there = set(columns)
    declared = table.scores if table else ()
    return next((one for one in declared if one.name in there), None)


def with_score(rows: pd.DataFrame, score: Metric | None) -> pd.DataFrame:
    """Rows with their score as `score`, `score_before` and `score_validation`, too.

    Under these names more is better: of a score that is to be low it is the negative. What the
    rows have of such a name themselves stays.
    """
    if score is None or SCORE in rows:
        return rows
    sign = -1.0 if score.goal == "minimize" else 1.0
    names = {
        SCORE: score.name,
        BEFORE: before(score.name),
        held_out(SCORE): held_out(score.name),
    }
    there = {new: old for new, old in names.items() if old in rows}
    return rows.assign(**{new: sign * rows[old].astype(float) for new, old in there.items()})
