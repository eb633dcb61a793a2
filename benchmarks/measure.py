"""Timing two ways of doing the same, side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from statistics import median
from typing import TypeVar

import torch
from scipy.stats import quantile_test
from torch import Tensor

Say = Callable[[str], None]  # tells the progress display what goes on
Ours = TypeVar("Ours")
Plain = TypeVar("Plain")
CONFIDENCE = 0.95
FEWEST_FOR_INTERVAL = 6  # with five, not even the extremes reach 95 %


class OutputsDifferError(RuntimeError):
    """The two ways do not give the same."""


@dataclass(frozen=True)
class Timing:
    """Seconds of one way, one of each round."""

    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median over rounds."""
        return median(self.rounds)


@dataclass(frozen=True)
class Result:
    """What one comparison gave; raises OutputsDifferError where the outputs do not agree.

    Attributes:
        plain, ours: seconds of both ways, round by round.
        difference: the largest between the two ways' outputs, relative; see each benchmark.
        target: the ratio to reach, if there is one.
        bounds: ratios that cannot be beaten, by the name of what sets them.
        stitches: how many sub-networks, where the benchmark asks how a ratio grows with them.
        seconds: of what has no other way to compare with, by name.
        facts: what else there is to say, by name.
    """

    benchmark: str
    case: str
    plain: Timing
    ours: Timing
    difference: float
    tolerance: float
    target: float | None = None
    bounds: dict[str, float] = field(default_factory=dict)
    stitches: int | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.difference <= self.tolerance:  # also where it is not a number
            raise OutputsDifferError(
                f"{self.benchmark}, {self.case}: outputs differ by {self.difference:.3g}, more "
                f"than {self.tolerance:.3g}"
            )

    @property
    def ratio(self) -> float:
        """How many times faster the project's way is: the median over rounds.

        Both ways of a round run one after the other, so what slows the machine for longer than
        that meets both.
        """
        return median(self._ratios)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the median; with fewer than six rounds, the extremes."""
        if len(self._ratios) < FEWEST_FOR_INTERVAL:
            return min(self._ratios), max(self._ratios)
        found = quantile_test(self._ratios, p=0.5).confidence_interval(CONFIDENCE)
        return float(found.low), float(found.high)

    @property
    def _ratios(self) -> list[float]:
        rounds = zip(self.plain.rounds, self.ours.rounds, strict=True)
        return [plain / ours for plain, ours in rounds]

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None without one."""
        return None if self.target is None else self.ratio >= self.target


def timed(function: Callable[[], Ours]) -> tuple[float, Ours]:
    """Seconds of one call until the GPU, if there is one, has done it; and what it returns."""
    _wait_for_gpu()
    start = time.perf_counter()
    output = function()
    _wait_for_gpu()
    return time.perf_counter() - start, output


def _wait_for_gpu() -> None:
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()


def side_by_side(
    plain: Callable[[], Plain], ours: Callable[[], Ours], repeats: int, warm: bool = True
) -> tuple[Timing, Timing, Plain, Ours]:
    """Run both ways in turn; the one that goes first changes.

    Arguments:
        warm: whether to run both once before the clock starts.

    Returns:
        Both timings, and what the last call of each returned.
    """
    if warm:
        plain(), ours()
    plain_seconds, our_seconds = [], []
    for repeat in range(repeats):
        if repeat % 2:
            seconds, our_output = timed(ours)
            our_seconds.append(seconds)
        seconds, plain_output = timed(plain)
        plain_seconds.append(seconds)
        if repeat % 2 == 0:
            seconds, our_output = timed(ours)
            our_seconds.append(seconds)
    return Timing(tuple(plain_seconds)), Timing(tuple(our_seconds)), plain_output, our_output


def relative_difference(ones: Iterable[Tensor], others: Iterable[Tensor]) -> float:
    """The largest difference of any two tensors, each relative to its largest entry."""
    differences = [
        ((one - other).abs().max() / other.abs().max().clamp_min(1e-30)).item()
        for one, other in zip(ones, others, strict=True)
    ]
    return max(differences)
