"""The forest plot of claims: each effect with its interval, and what it must leave behind."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import Any

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter

from reports.data.verdicts import Verdict
from reports.drawing.style import COLOURS, COLUMN_INCHES
from reports.statistics.confidence import LEAST_SEEDS
from reports.statistics.interval import number

WORDS = 58  # characters of a claim on a line
LINEAR = 3.0  # points to either side of zero that are drawn to scale; beyond, logarithms
TICKS = (-50, -20, -10, -5, -2, 0, 2, 5, 10, 20, 50, 100)
MARGIN = COLOURS[5]
LOOKS = {  # colour, inside of the marker, marker
    "supported": (COLOURS[3], COLOURS[3], "o"),
    "contradicted": (COLOURS[2], COLOURS[2], "X"),
    "undecided": ("#777777", "white", "s"),
}


def forest(verdicts: Sequence[Verdict]) -> Figure:
    """One row a claim, study by study: effect (points), interval, and margin.

    The margin is a tick for `greater`, which the interval should lie to the right of, and a bar for
    `equivalent`, within which it should lie. Colour and marker tell the verdict.
    """
    rows = [verdict for verdict in verdicts if verdict.evidence.n_seeds]
    texts = ["\n".join(wrap(verdict.claim.words, WORDS)) for verdict in rows]
    heights = [0.25 + 0.13 * text.count("\n") for text in texts]
    heads = {row.study: None for row in rows}
    height = sum(heights) + 0.27 * len(heads)
    figure, axes = plt.subplots(figsize=(1.65 * COLUMN_INCHES[0], 0.9 + height))
    axes.axvline(0, color=COLOURS[0], linewidth=0.8, zorder=1)
    middles, y, study = [], 0.0, ""
    for verdict, height in zip(rows, heights, strict=True):
        if verdict.study != study:
            study = verdict.study
            _head(axes, study, y - 0.16)
            y -= 0.27
        middles.append(y - height / 2)
        _row(axes, verdict, middles[-1])
        y -= height
    axes.set_yticks(middles, texts, fontsize=8)
    axes.set_ylim(y, 0)
    axes.set_xscale("symlog", linthresh=LINEAR, linscale=1.0)
    axes.xaxis.set_major_locator(FixedLocator(TICKS))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value, 0)))
    axes.xaxis.set_minor_locator(FixedLocator([]))
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("effect (points)")
    handles = [
        Line2D([], [], color=colour, marker=marker, markerfacecolor=face, linewidth=1.1)
        for colour, face, marker in LOOKS.values()
    ]
    margin = Line2D([], [], color=MARGIN, linewidth=6, alpha=0.4)
    names = [*LOOKS, "margin"]
    figure.legend([*handles, margin], names, loc="outside upper center", ncols=4)
    return figure


def _head(axes: Axes, study: str, y: float) -> None:
    where: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "annotation_clip": False}
    axes.annotate(study, (-0.015, y), ha="right", va="center", weight="bold", **where)


def _row(axes: Axes, verdict: Verdict, y: float) -> None:
    evidence = verdict.evidence
    colour, face, marker = LOOKS[evidence.verdict]
    if evidence.relation == "equivalent":
        ends = [-evidence.margin, evidence.margin]
        axes.plot(ends, [y] * 2, color=MARGIN, linewidth=6, alpha=0.4, solid_capstyle="butt")
    else:
        look: dict[str, Any] = {"marker": "|", "markersize": 12, "markeredgewidth": 2}
        axes.plot(evidence.margin, y, color=MARGIN, **look)
    if evidence.interval and evidence.n_seeds >= LEAST_SEEDS:
        axes.plot(evidence.interval, [y] * 2, color=colour, linewidth=1.1, zorder=3)
    look = {"color": colour, "markerfacecolor": face, "marker": marker}
    axes.plot(evidence.effect, y, markersize=5, zorder=4, clip_on=False, **look)
    text = number(evidence.effect, sign=True)
    where: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "annotation_clip": False}
    axes.annotate(text, (1.01, y), va="center", fontsize=8, **where)
