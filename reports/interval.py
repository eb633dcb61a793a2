"""Means over seeds with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over `n` seeds and the half-width of its interval (None with one seed)."""

    mean: float
    half_width: float | None
    n: int

    def text(self, digits: int = 1, sign: bool = False) -> str:
        """For example `87.2 ± 0.4`, or `87.2` where one seed allows no interval."""
        if not self.n:
            return "\N{EN DASH}"
        number = f"{self.mean:{'+' if sign else ''}.{digits}f}".replace("-", "\N{MINUS SIGN}")
        return number if self.half_width is None else f"{number} ± {self.half_width:.{digits}f}"


def estimate(values: Sequence[float]) -> Estimate:
    """Mean and 95 % Student-t interval of one value per seed; no values give `n` = 0."""
    array = np.asarray(values, dtype=float)
    n = len(array)
    if n < 2:
        return Estimate(float(array.mean()) if n else np.nan, None, n)
    error = float(array.std(ddof=1)) / np.sqrt(n)
    quantile = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1))
    return Estimate(float(array.mean()), quantile * error, n)
