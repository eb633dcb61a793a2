"""Means over seeds with their intervals and tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from reports.statistics.confidence import CONFIDENCE, LEAST_SEEDS

ROUNDING = 1e-9  # a standard error below it is none: what sums of equal numbers leave behind


@dataclass(frozen=True)
class Estimate:
    """A mean over `n` seeds and its standard error (None with one seed).

    Attributes:
        images: the part of the error that is of the test images, which more seeds do not shrink;
            see `reports.statistics.images`.
        freedom: degrees of freedom of the error; None: one less than there are seeds.
    """

    mean: float
    error: float | None
    n: int
    images: float = 0.0
    freedom: float | None = None

    @property
    def half_width(self) -> float | None:
        """Half the width of the interval, to be shown; None with fewer than three seeds.

        That of two is 12.7 standard errors, and hides whatever it is drawn with.
        """
        if self.error is None or self.n < LEAST_SEEDS:
            return None
        return self._quantile(CONFIDENCE) * self.error

    def interval(self, confidence: float = CONFIDENCE) -> tuple[float, float] | None:
        """Student-t interval; None where one seed, or seeds that do not differ, allow none."""
        if not self.error:
            return None
        half_width = self._quantile(confidence) * self.error
        return self.mean - half_width, self.mean + half_width

    def p(self, distance: float) -> float:
        """One-sided p that `distance`, how far the mean is beyond some bound, is above 0.

        Student's t. Seeds that do not differ leave the sign test: each fell beyond the bound, as a
        coin would with 1/2^n. One seed tests nothing and gives 1.
        """
        if self.error is None:
            return 1.0
        if not self.error:
            return 0.5**self.n if distance > ROUNDING else 1.0
        return float(stats.t.sf(distance / self.error, self._freedom))

    def error_of(self, seeds: NDArray[np.int_]) -> NDArray[np.float64]:
        """What the standard error would be with other numbers of seeds; with one seed, no numbers.

        That of the test images stays.
        """
        fixed = self.images**2
        shrinking = np.nan if self.error is None else self.error**2 - fixed
        return np.asarray(np.sqrt(shrinking * self.n / seeds + fixed), dtype=float)

    def text(self, digits: int = 1, sign: bool = False) -> str:
        """Words, for example `87.2 ± 0.4`, or `87.2` where fewer than three seeds show none."""
        if not self.n:
            return "\N{EN DASH}"
        mean = number(self.mean, digits, sign)
        return mean if self.half_width is None else f"{mean} ± {self.half_width:.{digits}f}"

    def _quantile(self, confidence: float) -> float:
        return float(stats.t.ppf((1 + confidence) / 2, self._freedom))

    @property
    def _freedom(self) -> float:
        return self.n - 1 if self.freedom is None else self.freedom


def estimate(values: Sequence[float], least_spread: float = 0.0) -> Estimate:
    """Mean of one value per seed; no values give `n` = 0.

    Arguments:
        least_spread: the standard deviation between seeds is taken as no smaller.
    """
    array = np.asarray(values, dtype=float)
    n = len(array)
    if n < 2:
        return Estimate(float(array.mean()) if n else np.nan, None, n)
    error = max(float(array.std(ddof=1)), least_spread) / np.sqrt(n)
    return Estimate(float(array.mean()), float(error) if error > ROUNDING else 0.0, n)


def digits_for(values: Sequence[float]) -> int:
    """How many digits after the point show three digits of the largest of the values."""
    largest = max((abs(value) for value in values if np.isfinite(value)), default=0.0)
    return int(np.clip(2 - np.floor(np.log10(largest)), 0, 8)) if largest > 0 else 1


def number(value: float, digits: int = 1, sign: bool = False) -> str:
    """A number as the tables print it: with a real minus, and a plus if `sign`."""
    return f"{value:{'+' if sign else ''}z.{digits}f}".replace("-", "\N{MINUS SIGN}")
