"""Sentences that captions share, worded from the data that they stand under."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
from scipy import stats

from reports.drawing.words import plain
from reports.statistics.confidence import CONFIDENCE_WORDS, LEAST_SEEDS
from reports.statistics.interval import number


def seeds_sentence(counts: Iterable[int], bars: bool = True) -> str:
    """How many seeds there are, and what follows for intervals.

    Arguments:
        bars: whether the figure draws the intervals.
    """
    few, many = min(counts := sorted(counts)), counts[-1]
    if many == 1:
        return "One seed: no interval can be given."
    seeds = f"Means over {few} seeds" if few == many else f"Means over {few} to {many} seeds"
    if not bars:
        return f"{seeds}."
    if many < LEAST_SEEDS:
        return f"{seeds}: fewer than {LEAST_SEEDS} show no interval."
    shown = f", of {LEAST_SEEDS} or more" if few < LEAST_SEEDS else ""
    return f"{seeds}; bars are {CONFIDENCE_WORDS} Student-t intervals over seeds{shown}."


def levels_words(axis: str, count: int) -> str:
    """What a figure of so many levels is of: of those of an axis, or of a search."""
    if axis:
        return f" for each level of {plain(axis)}, everything else at the baseline"
    return " of the baseline and of what the search found best" if count > 1 else ""


def rank_correlation(x: pd.Series[float], y: pd.Series[float]) -> str:
    """Spearman's, in words; a dash where ranks say nothing."""
    if min(x.nunique(), y.nunique()) < 2 or len(x) < 3:
        return "\N{EN DASH}"
    return number(float(stats.spearmanr(x, y).statistic), digits=2)


def listed(names: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def with_interval(mean: float, half_width: float, sign: bool = False, digits: int = 1) -> str:
    """A mean, for example `87.2 ± 0.4`; without the interval where there is none."""
    text = number(mean, digits, sign)
    return text if pd.isna(half_width) else f"{text} ± {half_width:.{digits}f}"
