"""How long runs will take: the experiment's guess, corrected by what finished runs took."""

from __future__ import annotations

from math import isnan, nan
from statistics import median

from ablations.runs.home import Home
from ablations.study.expansion import Expansion


def expected_seconds(home: Home, expansion: Expansion) -> dict[str, float]:
    """Seconds for each run of the plan on one core, by key; NaN where nobody knows."""
    guesses = expansion.expected_seconds()
    taken = {
        key: result["ended"] - result["started"]
        for key in guesses
        if (result := home.run(key).result())
    }
    if taken and any(isnan(guess) for guess in guesses.values()):
        return dict.fromkeys(guesses, median(taken.values()))
    factors = [seconds / guesses[key] for key, seconds in taken.items() if guesses[key] > 0]
    factor = median(factors) if factors else 1.0
    return {key: guess * factor for key, guess in guesses.items()}


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
