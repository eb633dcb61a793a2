"""How many seeds a claim would need."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reports.statistics.confidence import LEAST_SEEDS, LEVEL, in_percent
from reports.statistics.evidence import Evidence

POWER = 0.8
MAXIMUM_SEEDS = 200  # more than anybody trains


def seeds_needed(evidence: Evidence) -> int | None:
    """Seeds that would decide with this POWER, if effect and spread stay as they are.

    None where the verdict is there already, where fewer than three seeds or equal ones tell no
    spread, and where the effect is so close to the margin that more than
    MAXIMUM_SEEDS would be needed. Corrected
    claims are held to Bonferroni's level, the strictest that Holm can ask.
    """
    if evidence.verdict != "undecided" or evidence.n_seeds < LEAST_SEEDS or not evidence.spread:
        return None
    seeds = np.arange(LEAST_SEEDS, MAXIMUM_SEEDS + 1)
    enough = seeds[_power(evidence, evidence.spread, seeds) >= POWER]
    return int(enough[0]) if enough.size else None


def outlook(evidence: Evidence) -> str:
    """What an undecided claim waits for, as half a sentence; empty where the verdict is there."""
    if evidence.verdict != "undecided":
        return ""
    if evidence.n_seeds < LEAST_SEEDS:
        return f"at least {LEAST_SEEDS} seeds are needed"
    if not evidence.spread:
        return "the seeds do not differ, which leaves open how many would decide"
    seeds = seeds_needed(evidence)
    if seeds is None:
        needed = f"more than {MAXIMUM_SEEDS} seeds would be needed"
        return f"{needed}: the effect is too close to the margin"
    return (
        f"about {seeds} seeds would decide, if effect and spread stay ({in_percent(POWER)} power)"
    )


def _power(evidence: Evidence, spread: float, seeds: NDArray[np.int_]) -> NDArray[np.float64]:
    """Chance of the verdict that the observed effect points to, for each number of seeds."""
    from statsmodels.stats.power import TTestPower

    def one_sided(distance: float, level: float) -> NDArray[np.float64]:
        chance = TTestPower().power(distance / spread, seeds, level, alternative="larger")
        return np.asarray(chance)

    level = LEVEL / evidence.claims
    if evidence.relation == "greater" or evidence.distance < 0:
        return one_sided(abs(evidence.distance), level / 2)
    both = [one_sided(evidence.margin + sign * evidence.effect, level) for sign in (1, -1)]
    return both[0] + both[1] - 1  # at least this, whichever of the two fails
