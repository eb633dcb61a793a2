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
from reports.statistics.evidence import ROUND_UNITS
from reports.statistics.interval import number

POINTS = "points"
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
    """One row a claim, study by study: effect, interval, and margin; a panel for each unit.

    The margin is a tick for `greater`, which the interval should lie to the right of, and a bar for
    `equivalent`, within which it should lie. Colour and marker tell the verdict.
    """
    rows = [verdict for verdict in verdicts if verdict.evidence.n_seeds]
    parts = _by_unit(rows)
    heights = [_height(part) for part in parts.values()]
    size = 1.65 * COLUMN_INCHES[0], 0.9 + sum(heights) + 0.5 * (len(parts) - 1)
    ratios = [height + 0.2 for height in heights]
    figure, panels = plt.subplots(len(parts), 1, figsize=size, squeeze=False, height_ratios=ratios)
    for axes, (unit, part) in zip(panels.flat, parts.items(), strict=True):
        _panel(axes, part)
        if unit == POINTS:
            axes.set_xscale("symlog", linthresh=LINEAR, linscale=1.0)
            axes.xaxis.set_major_locator(FixedLocator(TICKS))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value, 0)))
            axes.xaxis.set_minor_locator(FixedLocator([]))
        axes.set_xlabel(f"effect ({unit})" if unit else "effect")
    handles = [
        Line2D([], [], color=colour, marker=marker, markerfacecolor=face, linewidth=1.1)
        for colour, face, marker in LOOKS.values()
    ]
    margin = Line2D([], [], color=MARGIN, linewidth=6, alpha=0.4)
    names = [*LOOKS, "margin"]
    figure.legend([*handles, margin], names, loc="outside upper center", ncols=4)
    return figure


def _by_unit(rows: Sequence[Verdict]) -> dict[str, list[Verdict]]:
    """The claims that one axis can hold: of points and hundredths, else of one measure each."""
    parts: dict[str, list[Verdict]] = {}
    for row in rows:
        unit, share = row.evidence.unit, row.evidence.statistic == "share"
        name = POINTS if share or unit in ROUND_UNITS else unit or row.claim.measure
        parts.setdefault(name, []).append(row)
    return dict(sorted(parts.items(), key=lambda item: item[0] != POINTS))


def _height(rows: Sequence[Verdict]) -> float:
    """The height of a panel in inches."""
    return sum(map(_row_height, rows)) + 0.27 * len({row.study for row in rows})


def _row_height(row: Verdict) -> float:
    return 0.25 + 0.13 * _text(row).count("\n")


def _text(row: Verdict) -> str:
    return "\n".join(wrap(row.claim.words, WORDS))


def _panel(axes: Axes, rows: Sequence[Verdict]) -> None:
    """Claims below each other, under the names of their studies."""
    axes.axvline(0, color=COLOURS[0], linewidth=0.8, zorder=1)
    middles, y, study = [], 0.0, ""
    for verdict in rows:
        height = _row_height(verdict)
        if verdict.study != study:
            study = verdict.study
            _head(axes, study, y - 0.16)
            y -= 0.27
        middles.append(y - height / 2)
        _row(axes, verdict, middles[-1])
        y -= height
    axes.set_yticks(middles, [_text(row) for row in rows], fontsize=8)
    axes.set_ylim(y, 0)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)


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
    text = number(evidence.effect, evidence.digits, sign=True)
    where: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "annotation_clip": False}
    axes.annotate(text, (1.01, y), va="center", fontsize=8, **where)
