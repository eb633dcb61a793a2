"""Axes of costs and scores: logarithmic where the data ask for it, with ticks that are numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator
from numpy.typing import NDArray

from ablations.study.metric import Metric

WIDE = 3.0  # times: what spans more is drawn by its logarithm
STEEP = 5.0  # times: from there on what scores lack of 100 % is
FEW = 10.0  # times: what spans less needs ticks between 1, 2 and 5
MACS_UNITS = {1e9: "billions", 1e6: "millions"}
TICKS = (0, 20, 40, 60, 70, 80, 90, 95, 98, 99, 99.5, 99.8, 99.9, 100)  # percent


def cost_axis(
    axes: Axes, values: pd.Series[float], words: Callable[[float], str] = "{:g}".format
) -> None:
    """Make the axis of a cost logarithmic where it spans much; its ticks are numbers, not powers.

    Arguments:
        words: what stands at a tick.
    """
    low, high = values.min(), values.max()
    if not 0 < WIDE * low < high:
        return
    axes.set_xscale("log")
    subs = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0) if high < FEW * low else (1.0, 2.0, 5.0)
    axes.xaxis.set_major_locator(LogLocator(subs=subs))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: words(value)))
    axes.xaxis.set_minor_locator(NullLocator())


def macs_unit(macs: pd.Series[float]) -> float:
    """What to divide MACs by."""
    return max(size for size in MACS_UNITS if size <= max(macs.max(), min(MACS_UNITS)))


def macs_label(macs: pd.Series[float]) -> str:
    """What an axis of MACs is called."""
    return f"MACs ({MACS_UNITS[macs_unit(macs)]})"


def score_axis(axes: Axes, scores: pd.Series[float], score: Metric) -> None:
    """Fit an axis to its scores, whatever their intervals are.

    Where many are near 100 %, it is logarithmic in the error, what they lack of it; so low scores,
    which are few, do not press all others into a strip.
    """
    if is_steep(scores, score):
        lacking = 100 - scores.astype(float)
        least = lacking[lacking > 0].min()
        axes.set_yscale("function", functions=_by_what_lacks(least))
        low = 100 - min(100.0, 1.15 * lacking.max())
        high = 100 + least / 10 if lacking.min() == 0 else 100 - least / 1.3
        axes.yaxis.set_major_locator(FixedLocator([tick for tick in TICKS if low <= tick <= high]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_ylim(low, high)
    elif score.unit == "%":
        keep_to_percent(axes)


def is_steep(scores: pd.Series[float], score: Metric) -> bool:
    """Whether scores are shown by what they lack of 100 %."""
    if score.unit != "%" or score.goal == "minimize" or scores.max() > 100 or scores.min() < 0:
        return False
    lacking = 100 - scores[scores < 100].astype(float)
    return bool(lacking.max() > STEEP * lacking.min())


def score_label(scores: pd.Series[float], score: Metric, when: str = "") -> str:
    """What such an axis is called; `when` the score was measured follows its title."""
    unit = f"{score.unit}, log error" if is_steep(scores, score) else score.unit
    return f"{score.title} {when}".rstrip() + (f" ({unit})" if unit else "")


def steep_sentence(scores: pd.Series[float], score: Metric) -> str:
    """What a caption says of such an axis."""
    if not is_steep(scores, score):
        return ""
    return (
        f" The axis of {score.title} is logarithmic in the error, what it lacks of 100 %; what "
        "lies outside of it is cut off."
    )


def keep_to_percent(axes: Axes) -> None:
    """Cut an axis of accuracies below 0 and above 100 %, where only intervals of few seeds go."""
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, -4), min(high, 104))


Transform = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def _by_what_lacks(least: float) -> tuple[Transform, Transform]:
    """The way from percent to the logarithm of what lacks, and that back.

    Where less lacks than `least`, it is linear, so that 100 % has a place.
    """

    def forward(scores: NDArray[np.float64]) -> NDArray[np.float64]:
        lacking = (100 - np.asarray(scores, dtype=float)) / least
        return np.where(lacking > 1, -np.log2(np.maximum(lacking, 1)), 1 - lacking)

    def back(places: NDArray[np.float64]) -> NDArray[np.float64]:
        up = np.asarray(places, dtype=float)
        return 100 - least * np.where(up < 0, 2 ** -np.minimum(up, 0), 1 - up)

    return forward, back
