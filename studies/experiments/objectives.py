"""Objectives of searches over stitching runs, on the images held back for choosing settings."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import isnan
from typing import TYPE_CHECKING

from ablations import Objective, UserError
from ablations.runs.directory import RunDirectory
from snnet.config import StitchingConfig
from snnet.data.sizes import holds_back
from snnet.run import STITCHES, table_file, validation_files
from snnet.tasks.scores import SCORES, score_of

if TYPE_CHECKING:
    import pandas as pd


def held_back_score(table: pd.DataFrame) -> str:
    """The column of the task's score on the images held back.

    Raises:
        UserError: the table has none.
    """
    from snnet import front

    for score in SCORES:
        if front.held_out(score.name) in table:
            return front.held_out(score.name)
    raise UserError("the table has no validation scores")


def front_area(table: pd.DataFrame) -> float:
    """The mean of the best validation score within a budget, see `snnet.front`.

    Raises:
        UserError: there are no anchors to tell the range of budgets.
    """
    from snnet import front

    area = front.front_area(table, held_back_score(table))
    if isnan(area):
        raise UserError("a run of one route alone has no front: search for top1 within a budget")
    return area


def best_within(table: pd.DataFrame, budget: float) -> float:
    """The best validation score of the sub-networks with at most `budget` MACs.

    Raises:
        UserError: there is none.
    """
    affordable = table[table.macs <= budget]
    if affordable.empty:
        raise UserError(
            f"no sub-network has {budget:g} MACs or fewer: the cheapest has {table.macs.min()}"
        )
    return float(affordable[held_back_score(table)].max())


def check_validation(config: StitchingConfig) -> None:
    """Refuse to search where runs would have no validation scores, or lower ones are better.

    Raises:
        UserError: the dataset holds no images back, or is scored by an error.
    """
    score = score_of(config.dataset)
    if score.goal == "minimize":
        raise UserError(
            f"dataset {config.dataset} is scored by {score.words}, of which less is better; search "
            f"for that of the mean instead: --objective min:mean_{score.name}"
        )
    if not holds_back(config.dataset) and not config.validation_images:
        raise UserError(
            f"dataset {config.dataset} holds no images back to choose settings by; say how many of "
            "its training images it shall: --set validation_images=10000"
        )


Score = Callable[["pd.DataFrame", float], float]


def _of_end(score: Score, run: RunDirectory, budget: float) -> list[float]:
    """A score of the trained run."""
    import pandas as pd

    table = pd.read_parquet(run.files / table_file(STITCHES))
    try:
        held_back_score(table)
    except UserError:
        raise UserError(
            f"run {run.key} has no validation scores: it was done by an earlier version; "
            f"remove {run.path} to have it done anew"
        ) from None
    return [score(table, budget)]


def _of_rungs(score: Score, run: RunDirectory, budget: float) -> dict[int, float]:
    """A score by percent of the training, as far as it is."""
    import pandas as pd

    files = validation_files(run.files)
    return {rung: score(pd.read_parquet(file), budget) for rung, file in files.items()}


def _maximise(name: str, score: Score, words: str, budget: str | None = None) -> Objective:
    """The objective that wants a score as high as can be."""
    return Objective(
        {name: "maximize"},
        partial(_of_end, score),
        partial(_of_rungs, score),
        budget,
        check_validation,
        words,
    )


def _area(table: pd.DataFrame, budget: float) -> float:
    return front_area(table)


def _area_and_passes(run: RunDirectory, budget: float) -> list[float]:
    result = run.result()
    assert result is not None  # only runs that are done are scored
    return [*_of_end(_area, run, budget), result["metrics"]["passes"]]


OBJECTIVES = {
    "auc": _maximise(
        "auc",
        _area,
        "mean of the best top-1 within a budget, over budgets between the anchors; like all of "
        "these, on images that are held back for choosing",
    ),
    "top1": _maximise(
        "top1", best_within, "best top-1 of sub-networks with at most so many MACs", "MACS"
    ),
    "pareto": Objective(
        {"auc": "maximize", "passes": "minimize"},
        _area_and_passes,
        check=check_validation,
        words="auc against passes, the sub-networks trained times steps: more accuracy for less "
        "training (no pruning)",
    ),
}
