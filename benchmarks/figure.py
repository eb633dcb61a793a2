"""The figure of a run: ratios with their targets and bounds, and how ratios grow."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from benchmarks.measure import Result
from reports.drawing.style import COLOURS, MARKERS

BLACK, _, ORANGE, GREEN = COLOURS[:4]
PALE = "#A6C8E0"
BOUNDS = {  # marker and colour of each bound that the bars show
    "work": ("D", ORANGE),
    "step times": ("o", GREEN),
    "single products": ("^", COLOURS[4]),
    "double products": ("v", COLOURS[5]),
    "features": ("s", COLOURS[6]),
    "reading": ("P", BLACK),
}


def draw(results: Sequence[Result]) -> Figure:
    """Ratios with their intervals on the left; on the right, if measured, how they grow."""
    bars = [result for result in results if result.stitches is None]
    grown = [result for result in results if result.stitches is not None]
    panels = [panel for panel in ((_bars, bars), (_growth, grown)) if panel[1]]
    figure, axes = plt.subplots(
        1,
        len(panels),
        figsize=(3.7 * len(panels), max(2.8, 0.9 + 0.19 * len(bars))),
        width_ratios=[1.25, 1][: len(panels)],
        squeeze=False,
    )
    for axis, (panel, shown) in zip(axes[0], panels, strict=True):
        panel(axis, shown)
    return figure


def _bars(axes: Axes, results: Sequence[Result]) -> None:
    places = range(len(results))
    axes.barh(places, [result.ratio - 1 for result in results], left=1, color=PALE, height=0.62)
    for place, result in enumerate(results):
        axes.plot(result.interval, (place, place), color=BLACK, linewidth=0.8)
        if result.target is not None:
            axes.vlines(result.target, place - 0.42, place + 0.42, color=BLACK, linewidth=1.4)
        for name, bound in result.bounds.items():
            marker, colour = BOUNDS[name]
            axes.plot(bound, place, marker, color=colour, markersize=4, markerfacecolor="none")
        axes.annotate(
            f"{result.ratio:.2f}", (1.0, place), xycoords=("axes fraction", "data"),
            xytext=(4, 0), textcoords="offset points", va="center", fontsize=7,
        )  # fmt: skip
    axes.axvline(1, color=BLACK, linewidth=0.7)
    axes.set_yticks(places, [f"{_readable(r.benchmark)}: {r.case}" for r in results], fontsize=6.5)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("times faster than the plain way")
    _plain_logarithm(axes, "x")
    shown = [name for name in BOUNDS if any(name in result.bounds for result in results)]
    handles = [Line2D([], [], color=BLACK, marker="|", linestyle="", markersize=8, label="target")]
    handles += [
        Line2D(
            [], [], color=BOUNDS[name][1], marker=BOUNDS[name][0], linestyle="", markersize=4,
            markerfacecolor="none", label=f"bound by {name}",
        )
        for name in shown
    ]  # fmt: skip
    axes.legend(
        handles=handles, loc="lower center", bbox_to_anchor=(0.3, 1.0), ncols=2, columnspacing=1
    )


def _growth(axes: Axes, results: Sequence[Result]) -> None:
    """Log-log: ratio over the number of stitches."""
    names = list(dict.fromkeys(result.benchmark for result in results))
    for number, name in enumerate(names):
        mine = [result for result in results if result.benchmark == name]
        counts = [result.stitches or 0 for result in mine]
        colour = COLOURS[1 + number]
        axes.plot(
            counts,
            [result.ratio for result in mine],
            marker=MARKERS[number],
            color=colour,
            markersize=4,
            linewidth=1,
            label=_readable(name).removeprefix("growth "),
        )
        bounds = [result.bounds["work"] for result in mine if "work" in result.bounds]
        if bounds:
            axes.plot(
                counts, bounds, color=colour, linewidth=1, linestyle=":", label="bound by work"
            )
    axes.set_xlabel("stitches")
    axes.set_ylabel("times faster than the plain way")
    _plain_logarithm(axes, "y")
    axes.set_xscale("log")
    ticks = sorted({result.stitches or 0 for result in results})
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.legend(loc="upper left")


def _plain_logarithm(axes: Axes, axis: str) -> None:
    """A logarithmic axis with ordinary numbers."""
    axes.set(**{f"{axis}scale": "log"})
    along = getattr(axes, f"{axis}axis")
    along.set_major_locator(LogLocator(subs=(1, 2, 5)))
    along.set_major_formatter(StrMethodFormatter("{x:g}"))
    along.set_minor_formatter(NullFormatter())


def _readable(name: str) -> str:
    return name.replace("_", " ")
