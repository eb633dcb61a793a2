"""What figures share: how a level looks, legends, units, rows of data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from ablations.study.metric import Metric
from reports.data.levels import Level, NothingToDrawError
from reports.data.score import before
from reports.drawing.captions import with_interval
from reports.drawing.style import COLOURS, MARKERS, inches
from reports.drawing.words import named, plain
from reports.statistics.interval import number
from snnet.front import chosen_by

GREY = "#8a8a8a"
LETTERS_AN_INCH = 12  # of the labels of an axis
EDGE = 0.15  # of the axes: words that begin there go inwards
LEGEND_LETTERS = 153  # an inch, where a figure's letters have one point: of two, half as many


def colour_of(number: int) -> str:
    """The colour of the level of this number; the baseline's is 0, and no other level's."""
    return COLOURS[_turn(number)[1]]


def marker_of(number: int) -> str:
    """The marker of the level of this number; another one where the colours repeat."""
    turn, place = _turn(number)
    return MARKERS[(place + turn) % len(MARKERS)]


def _turn(number: int) -> tuple[int, int]:
    """How often the colours were used up before a level, and which it has."""
    turn, place = divmod(number - 1, len(COLOURS) - 1)
    return (turn, 1 + place) if number else (0, 0)


def handle_of(number: int, line: bool = True) -> Line2D:
    """The level of this number in a legend."""
    return Line2D(
        [],
        [],
        color=colour_of(number),
        marker=marker_of(number),
        markerfacecolor="none",
        markersize=4,
        linewidth=0.9 if line else 0,
    )


def anchor_handle() -> Line2D:
    """The star that stands for anchors in a legend."""
    return Line2D([], [], marker="*", color="#666666", linestyle="", markersize=7)


def legend(figure: Figure, handles: Sequence[Line2D], names: Sequence[str]) -> None:
    """Draw a legend above the axes, where it covers no point; in as many rows as fit the width."""
    letters = LEGEND_LETTERS * inches()[0] / plt.rcParams["font.size"]
    columns = max(1, min(len(names), int(letters / (6 + max(len(name) for name in names)))))
    figure.legend(handles, names, loc="outside upper center", ncols=columns, columnspacing=1.2)


def level_legend(figure: Figure, names: Sequence[str], anchors: bool = True) -> None:
    """Draw a legend of levels by points, and the star of the anchors."""
    handles = [handle_of(number, line=False) for number in range(len(names))]
    if anchors:
        legend(figure, [*handles, anchor_handle()], [*names, "anchor"])
    else:
        legend(figure, handles, names)


def scatter(axes: Axes, number: int, rows: pd.DataFrame, x: Any, y: Any, size: Any = 14) -> None:
    """Rows as hollow markers of a level, anchors as filled stars; all say what they are."""
    names = np.array(words_of(rows), dtype=object)
    for is_anchor in (False, True):
        chosen = (rows.is_anchor == is_anchor).to_numpy()
        axes.scatter(
            np.asarray(x)[chosen],
            np.asarray(y)[chosen],
            s=60 if is_anchor else size,
            urls=list(names[chosen]),
            marker="*" if is_anchor else marker_of(number),
            facecolor=colour_of(number) if is_anchor else "none",
            edgecolor="white" if is_anchor else colour_of(number),
            linewidth=0.5 if is_anchor else 0.8,
            zorder=3,
        )


def name_anchors(axes: Axes, rows: pd.DataFrame, x: Any, y: Any) -> None:
    """Write the names of the anchors among rows at their stars, inside the axes."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    across = axes.transData + axes.transAxes.inverted()
    for name, left, up in zip(rows.between, x, y, strict=True):
        place, height = across.transform((left, up))
        side = "left" if place < EDGE else "right" if place > 1 - EDGE else "center"
        under = height > 1 - EDGE / 2
        axes.annotate(
            name,
            (left, up),
            xytext=(0, -5 if under else 5),
            textcoords="offset points",
            ha=side,
            va="top" if under else "bottom",
            fontsize="x-small",
            zorder=5,
            path_effects=[withStroke(linewidth=1.5, foreground="white")],
        )


def words_of(rows: pd.DataFrame) -> list[str]:
    """What each sub-network is, for those who point at it: route, level, cost, accuracy.

    Anchors are told by name, see `named`.
    """
    found = []
    score = score_in(rows) if "score" in rows and len(rows) else None
    for row in rows.to_dict("records"):
        text = row["between"] if row["is_anchor"] else f"stitch {row['route']}"
        text += f", {row['level']}" if "level" in row else ""
        if "macs" in row:
            text += f": {row['macs'] / 1e6:.4g} million MACs"
        if score and score.name in row:
            value = with_interval(row[score.name], row.get("half_width", np.nan))
            text += f", {value} {score.unit}"
        if "difference" in row:
            text += f", {number(row['difference'], sign=True)} points"
        found.append(text)
    return found


def panels(
    count: int, height: float, columns: int = 2, **options: Any
) -> tuple[Figure, list[Axes]]:
    """A figure with so many panels, in rows of `height` inches; `options` of `subplots`."""
    columns = min(count, columns)
    rows = -(-count // columns)
    size = inches()[0], height * rows
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, **options)
    for spare in axes.flat[count:]:
        spare.set_visible(False)
    return figure, list(axes.flat[:count])


def name_ticks(axes: Axes, names: Sequence[str], width: float) -> None:
    """Name what stands at 0, 1, ... across axes of `width` inches; slanted where names are long."""
    axes.set_xticks(range(len(names)), names, fontsize="small")
    if sum(len(name) + 2 for name in names) > LETTERS_AN_INCH * width:
        plt.setp(axes.get_xticklabels(), rotation=25, ha="right", rotation_mode="anchor")
    axes.set_xlim(-0.4, len(names) - 0.6)
    axes.grid(axis="x", visible=False)


def stitch_rows(levels: Sequence[Level], *columns: str) -> pd.DataFrame:
    """Every sub-network of every level: its route, cost, score, and `columns` of its table.

    What lies `between` which anchors is told by their names. The score stands under its own name,
    in its unit; `score_in` tells which it is.

    Raises:
        NothingToDrawError: a table has no such column, or levels are scored by different things.
    """
    parts = []
    scores = list(dict.fromkeys(level.score for level in levels))
    if len(scores) > 1:
        told = " and ".join(one.title for one in scores)
        raise NothingToDrawError(f"its levels are scored by {told}, which no axis compares")
    (score,) = scores
    for level in levels:
        rows = level.stitches
        missing = [column for column in columns if column not in rows]
        if missing:
            raise NothingToDrawError(f"the tables of the runs have no column {', '.join(missing)}")
        part = pd.DataFrame({"level": level.name, "route": rows.index})
        shown = ("anchors", "is_anchor", "macs", "params", score.name, "half_width", *columns)
        chosen = chosen_by(rows, score.name)
        for column in dict.fromkeys((*shown, chosen)):
            scored = column in (score.name, before(score.name), "half_width", chosen)
            values = rows[column].astype(float) if scored else rows[column]
            part[column] = (score.factor * values if scored else values).to_numpy()
        part["between"] = [named(one, level.anchors) for one in part.anchors]
        part["seeds"] = len(level.runs)
        parts.append(part)
    return pd.concat(parts, ignore_index=True).assign(**words_of_score(score))


def words_of_score(score: Metric) -> dict[str, str]:
    """What tidy data tell of the score that they hold, in columns that are the same in each row."""
    return {
        "score": score.name,
        "title": score.title,
        "unit": score.unit,
        "goal": score.goal or "maximize",
    }


def score_in(data: pd.DataFrame) -> Metric:
    """The score that tidy data hold, see `words_of_score`."""
    told = data[["score", "title", "unit", "goal"]].dropna().iloc[0]
    return Metric(told.score, told.title, told.unit, told.goal)


def title_in(data: pd.DataFrame) -> str:
    """What a sentence on the score begins with, see `score_in`."""
    title = score_in(data).title
    return title[:1].upper() + title[1:]


def groups(data: pd.DataFrame, column: str = "level") -> list[tuple[int, str, pd.DataFrame]]:
    """Number, words and rows of every level (or of what `column` holds), in the data's order."""
    names = data[column].drop_duplicates()
    words = [plain(name) if isinstance(name, str) else name for name in names]
    parts = enumerate(zip(words, names, strict=True))
    return [(number, word, data[data[column] == name]) for number, (word, name) in parts]
