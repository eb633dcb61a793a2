"""How sure intervals and verdicts are: every number and every word of it comes from here."""

from __future__ import annotations


def in_percent(share: float) -> str:
    """A share in words, for example `95 %`."""
    return f"{100 * share:g} %"


CONFIDENCE = 0.95  # of intervals
LEVEL = round(1 - CONFIDENCE, 9)  # a p below it decides
LEAST_SEEDS = 3  # fewer decide nothing, and their intervals are too wide to be drawn
EQUIVALENCE_CONFIDENCE = 1 - 2 * (1 - CONFIDENCE)  # what two one-sided tests at LEVEL look at

CONFIDENCE_WORDS = in_percent(CONFIDENCE)
EQUIVALENCE_WORDS = in_percent(EQUIVALENCE_CONFIDENCE)
