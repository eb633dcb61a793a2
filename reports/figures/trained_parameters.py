"""What a level reaches for the parameters that it trains: a cost of its own, beside MACs."""

from __future__ import annotations

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from ablations.tracking.reader import TrackedRun
from reports.data.levels import Level, NothingToDrawError, keep_stitches, mean
from reports.data.subject import Subject
from reports.drawing.captions import levels_words, seeds_sentence, with_interval
from reports.drawing.drawing import (
    colour_of,
    groups,
    level_legend,
    marker_of,
    score_in,
    words_of_score,
)
from reports.drawing.figure import FigureKind
from reports.drawing.scales import cost_axis, keep_to_percent
from reports.drawing.words import plain, short

TRAINED = "trained_params"  # summary metric: of the whole network, see `snnet.tables.summary`
APART = 2.0  # levels whose numbers differ by less train about the same


def data(subject: Subject) -> pd.DataFrame:
    """A row a level: the parameters that its runs train, and the mean score of their stitches."""
    levels = subject.compared()
    rows = [_row(level) for level in levels]
    scores = {level.score for level in levels}
    if len(scores) > 1:
        raise NothingToDrawError("its levels are scored by different things")
    found = pd.DataFrame(rows).assign(axis=subject.axis or "", **words_of_score(*scores))
    if found.trained.max() < APART * found.trained.min():
        raise NothingToDrawError("all levels train about as many parameters")
    return found


def _row(level: Level) -> dict[str, object]:
    trained = [run.metrics.get(TRAINED) for run in level.runs.values()]
    known = [count for count in trained if count is not None]
    if len(known) < len(trained) or not keep_stitches(level.runs.values(), level.table):
        raise NothingToDrawError("a run does not tell how many parameters it trains")
    score = level.score

    def of_stitches(run: TrackedRun) -> float | None:
        stitches = run.table[~run.table.is_anchor.astype(bool)]
        return score.factor * float(stitches[score.name].mean()) if len(stitches) else None

    found = mean(level, of_stitches)
    return {
        "level": level.name,
        "trained": sum(known) / len(known),
        score.name: found.mean,
        "half_width": float("nan") if found.half_width is None else found.half_width,
        "seeds": len(level.runs),
    }


def draw(data: pd.DataFrame) -> Figure:
    """A point a level, over a logarithmic axis of parameters."""
    figure, axes = plt.subplots()
    score = score_in(data)
    for number, _, rows in groups(data):
        axes.errorbar(
            rows.trained,
            rows[score.name],
            yerr=rows.half_width,
            fmt=marker_of(number),
            color=colour_of(number),
            markerfacecolor="white",
            markersize=5.5,
            capsize=2,
            elinewidth=0.9,
        )
    keep_to_percent(axes)
    axes.set_xlim(data.trained.min() / 1.6, data.trained.max() * 1.6)
    cost_axis(axes, data.trained, short)
    axes.set_xlabel("trained parameters")
    axes.set_ylabel(f"mean {score.title} of stitches ({score.unit})")
    level_legend(figure, [name for _, name, _ in groups(data)], anchors=False)
    return figure


def caption(data: pd.DataFrame) -> str:
    """Parameters, their share of the most, and score, level by level."""
    score, most = score_in(data), data.trained.max()
    levels = "; ".join(
        f"{plain(row['level'])}: {short(row['trained'])} ({100 * row['trained'] / most:.3g} %), "
        f"{with_interval(row[score.name], row['half_width'])} {score.unit}"
        for row in data.to_dict("records")
    )
    return (
        f"Mean {score.title} of stitches, without anchors, over the parameters of the whole "
        f"network that training changes{levels_words(data.axis.iloc[0], len(data))}: {levels}. "
        f"{seeds_sentence(data.seeds)}"
    )


FIGURE = FigureKind("Accuracy over trained parameters", "axis", 15, data, draw, caption)
