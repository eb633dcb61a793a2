"""How long runs will take: the experiment's guess, corrected by what finished runs took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from math import isnan, nan
from statistics import median

from ablations.files import DamagedError
from ablations.runs.directory import RunDirectory
from ablations.runs.home import Home
from ablations.runs.records import Result
from ablations.study.expansion import Expansion


def expected_seconds(home: Home, expansion: Expansion) -> dict[str, float]:
    """Seconds for each run of the plan on one core, by key; NaN where nobody knows."""
    guesses = expansion.expected_seconds()
    taken = {}
    for run in map(home.run, guesses):
        with suppress(DamagedError):  # nobody knows how long it took
            if result := run.result():
                taken[run.key] = seconds_taken(run, result)
    return corrected(guesses, taken)


def corrected(guesses: Mapping[str, float], taken: Mapping[str, float]) -> dict[str, float]:
    """Guesses at the speed of runs that were seen.

    Arguments:
        guesses: seconds by key; NaN where nobody knows.
        taken: what some of these runs took.
    """
    if taken and any(isnan(guess) for guess in guesses.values()):
        return dict.fromkeys(guesses, median(taken.values()))
    factors = [seconds / guesses[key] for key, seconds in taken.items() if guesses[key] > 0]
    factor = median(factors) if factors else 1.0
    return {key: guess * factor for key, guess in guesses.items()}


def seconds_taken(run: RunDirectory, result: Result) -> float:
    """Seconds that all attempts of a finished run took together."""
    attempts = range(1, result.get("attempt", 1) + 1)
    last = result["ended"] - result["started"]  # where no file tells, at least that
    return max(last, sum(map(run.seconds, attempts)))


def seconds_left(
    taken: Sequence[float],
    running: Sequence[tuple[float, float | None]],
    waiting: int,
    workers: int,
) -> float:
    """Seconds until a study is done at the speed so far; NaN where that tells nothing yet.

    Arguments:
        taken: seconds of each finished run.
        running: of each run at work, the seconds that it took and those that it says are left.
        waiting: how many runs nobody works on.
        workers: how many work side by side.
    """
    whole = [*taken, *(spent + left for spent, left in running if left is not None)]
    usual = median(whole) if whole else nan
    # in this order NaN stays NaN
    rest = [max(usual - spent, 0.0) if left is None else left for spent, left in running]
    return wall_seconds([*rest, *[usual] * waiting], max(1, workers))


def wall_seconds(seconds: list[float], workers: int) -> float:
    """Time until all are done when the longest start first on `workers` workers."""
    if any(isnan(duration) for duration in seconds):
        return nan
    loads = [0.0] * workers
    for duration in sorted(seconds, reverse=True):
        loads[loads.index(min(loads))] += duration
    return max(loads)


def in_words(seconds: float) -> str:
    """Time for people: `45 s`, `3 min 20 s`, `2 h 5 min`."""
    if isnan(seconds):
        return "unknown"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def about(seconds: float) -> str:
    """An estimate for people: `about 45 s`, or `an unknown time`."""
    return "an unknown time" if isnan(seconds) else f"about {in_words(seconds)}"
