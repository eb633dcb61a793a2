"""The forest plot of claims: each effect with its intervals, and what it must leave behind."""

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
from reports.drawing.style import COLOURS
from reports.statistics.confidence import CONFIDENCE_WORDS, EQUIVALENCE_WORDS, LEAST_SEEDS
from reports.statistics.interval import number

POINTS, SHARES = "points", "share of stitches (%)"
WIDTH = 7.0  # inches: both columns of a paper
WORDS = 72  # characters of a claim on a line
LINE, HEAD = 0.125, 0.23  # inches: of words, and of the name of a study
LINEAR = 3.0  # points to either side of zero that are drawn to scale; beyond, logarithms
TICKS = (-50, -20, -10, -5, -2, 0, 2, 5, 10, 20, 50, 100)
MARGIN = COLOURS[5]
LOOKS = {  # colour, inside of the marker, marker
    "supported": (COLOURS[3], COLOURS[3], "o"),
    "contradicted": (COLOURS[2], COLOURS[2], "X"),
    "undecided": ("#777777", "white", "s"),
}


def forest(verdicts: Sequence[Verdict]) -> Figure:
    """One row a claim and scale, study by study: effect, intervals, margin; a panel for each unit.

    The margin is a tick for `greater`, which the interval should lie to the right of, and a bar for
    `equivalent`, within which the narrower interval should lie: that is drawn thick, over the
    other. Colour and marker tell the verdict.
    """
    parts = _by_unit([verdict for verdict in verdicts if verdict.evidence.n_seeds])
    heights = [_height(part) for part in parts.values()]
    size = WIDTH, 0.6 + sum(heights) + 0.45 * len(parts)
    figure, panels = plt.subplots(len(parts), 1, figsize=size, squeeze=False, height_ratios=heights)
    for axes, (unit, part) in zip(panels.flat, parts.items(), strict=True):
        _panel(axes, part)
        if unit == POINTS:
            axes.set_xscale("symlog", linthresh=LINEAR, linscale=1.0)
            axes.xaxis.set_major_locator(FixedLocator(TICKS))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value, 0)))
            axes.xaxis.set_minor_locator(FixedLocator([]))
        axes.set_xlabel(unit if unit == SHARES else f"effect ({unit})" if unit else "effect")
    figure.legend(*_legend(), loc="outside upper center", ncols=6, columnspacing=1.2)
    return figure


def _legend() -> tuple[list[Line2D], list[str]]:
    looks = [
        Line2D([], [], color=colour, marker=marker, markerfacecolor=face, linewidth=0)
        for colour, face, marker in LOOKS.values()
    ]
    grey = LOOKS["undecided"][0]
    lines = [
        Line2D([], [], color=grey, linewidth=0.9),
        Line2D([], [], color=grey, linewidth=2.4),
        Line2D([], [], color=MARGIN, linewidth=6, alpha=0.4),
    ]
    return [*looks, *lines], [*LOOKS, CONFIDENCE_WORDS, EQUIVALENCE_WORDS, "margin"]


def _by_unit(rows: Sequence[Verdict]) -> dict[str, list[list[Verdict]]]:
    """The claims that one axis can hold, each with its verdicts on all scales; points come first.

    Where a unit tells too little, as of other experiments' metrics, a measure has its own axis.
    """
    parts: dict[str, dict[tuple[str, str], list[Verdict]]] = {}
    for row in rows:
        share = row.evidence.statistic == "share"
        name = SHARES if share else row.evidence.unit or row.claim.measure
        parts.setdefault(name, {}).setdefault((row.asked_by, row.claim.words), []).append(row)
    ordered = sorted(parts.items(), key=lambda item: (POINTS, SHARES, item[0]).index(item[0]))
    return {unit: list(claims.values()) for unit, claims in ordered}


def _height(claims: Sequence[Sequence[Verdict]]) -> float:
    """The height of a panel in inches."""
    rows = sum(_row_height(row, row is claim[0]) for claim in claims for row in claim)
    return rows + HEAD * len({claim[0].asked_by for claim in claims})


def _row_height(row: Verdict, first: bool) -> float:
    return LINE * (_text(row).count("\n") + 1 if first else 1) + 0.06


def _text(row: Verdict) -> str:
    together = row.claim.words.replace(" %", "\N{NO-BREAK SPACE}%")
    return "\n".join(wrap(together, WORDS))


def _panel(axes: Axes, claims: Sequence[Sequence[Verdict]]) -> None:
    """Claims below each other, under the names of their studies."""
    axes.axvline(_zero(claims[0][0]), color=COLOURS[0], linewidth=0.8, zorder=1)
    y, study, several = 0.0, "", any(len(claim) > 1 for claim in claims)
    for claim in claims:
        if claim[0].asked_by != study:
            study = claim[0].asked_by
            _beside(axes, study, y - HEAD / 2 - 0.03, weight="bold")
            y -= HEAD
        for row in claim:
            first = row is claim[0]
            height = _row_height(row, first)
            if first:
                _beside(axes, _text(row), y - height / 2, fontsize=7.5)
            _row(axes, row, y - height / 2, _scale(row, claim) if several else "")
            y -= height
    axes.set_yticks([])
    axes.set_ylim(y, 0)
    axes.spines["left"].set_visible(False)


def _scale(row: Verdict, claim: Sequence[Verdict]) -> str:
    """What tells a row apart from those of the same claim."""
    return row.scale if len({one.scale for one in claim}) == len(claim) else row.study


def _zero(row: Verdict) -> float:
    """Where no effect is: shares are drawn as such, their evidence is what is above 50 %."""
    return 50.0 if row.evidence.statistic == "share" else 0.0


def _beside(axes: Axes, text: str, y: float, right: bool = False, **look: Any) -> None:
    where: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "annotation_clip": False}
    x, side = (1.015, "left") if right else (-0.015, "right")
    axes.annotate(text, (x, y), ha=side, va="center", multialignment=side, **where, **look)


def _row(axes: Axes, verdict: Verdict, y: float, scale: str) -> None:
    evidence, zero = verdict.evidence, _zero(verdict)
    colour, face, marker = LOOKS[evidence.verdict]
    if evidence.relation == "equivalent":
        ends = [zero - evidence.margin, zero + evidence.margin]
        axes.plot(ends, [y] * 2, color=MARGIN, linewidth=6, alpha=0.4, solid_capstyle="butt")
    else:
        look: dict[str, Any] = {"marker": "|", "markersize": 9, "markeredgewidth": 2}
        axes.plot(zero + evidence.margin, y, color=MARGIN, **look)
    for interval, width in ((evidence.interval, 0.9), (evidence.tost_interval, 2.4)):
        if interval and evidence.n_seeds >= LEAST_SEEDS:
            ends = [zero + end for end in interval]
            axes.plot(ends, [y] * 2, color=colour, linewidth=width, zorder=3)
    look = {"color": colour, "markerfacecolor": face, "marker": marker}
    axes.plot(zero + evidence.effect, y, markersize=4.5, zorder=4, clip_on=False, **look)
    text = number(zero + evidence.effect, evidence.digits, sign=not zero)
    _beside(axes, f"{text}  {scale}".rstrip(), y, right=True, fontsize=7.5)
