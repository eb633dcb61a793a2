"""How many seeds a claim would need."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reports.statistics.confidence import LEAST_SEEDS, LEVEL, in_percent
from reports.statistics.evidence import Evidence

POWER = 0.8
MOSTLY = 0.5  # a share above it is most of a variance
MAXIMUM_SEEDS = 200  # more than anybody trains


def seeds_needed(evidence: Evidence) -> int | None:
    """Seeds that would decide with this POWER, if effect and spread stay as they are.

    None where the verdict is there already, where fewer than three seeds or equal ones tell no
    spread, and where the effect is so close to the margin that more than
    MAXIMUM_SEEDS would be needed. Corrected
    claims are held to Bonferroni's level, the strictest that Holm can ask.
    """
    if evidence.verdict != "undecided" or evidence.n_seeds < LEAST_SEEDS or not _spreads(evidence):
        return None
    seeds = np.arange(LEAST_SEEDS, MAXIMUM_SEEDS + 1)
    enough = seeds[_power(evidence, seeds) >= POWER]
    return int(enough[0]) if enough.size else None


def outlook(evidence: Evidence) -> str:
    """What an undecided claim waits for, as half a sentence; empty where the verdict is there."""
    if evidence.verdict != "undecided":
        return ""
    if evidence.n_seeds < LEAST_SEEDS:
        return f"at least {LEAST_SEEDS} seeds are needed"
    if not _spreads(evidence):
        return "the seeds do not differ, which leaves open how many would decide"
    seeds = seeds_needed(evidence)
    if seeds is None:
        if evidence.of_images > MOSTLY:
            return "more test images are needed, seeds alone would not do"
        needed = f"more than {MAXIMUM_SEEDS} seeds would be needed"
        return f"{needed}: the effect is too close to the margin"
    return (
        f"about {seeds} seeds would decide, if effect and spread stay ({in_percent(POWER)} power)"
    )


def _spreads(evidence: Evidence) -> bool:
    return bool(evidence.estimate.error)


def _power(evidence: Evidence, seeds: NDArray[np.int_]) -> NDArray[np.float64]:
    """Chance of the verdict that the observed effect points to, for each number of seeds."""
    from statsmodels.stats.power import TTestPower

    spread = evidence.estimate.error_of(seeds) * np.sqrt(seeds)

    def one_sided(distance: float, level: float) -> NDArray[np.float64]:
        chance = TTestPower().power(distance / spread, seeds, level, alternative="larger")
        return np.asarray(chance)

    level = LEVEL / evidence.claims
    if evidence.relation == "greater" or evidence.distance < 0:
        return one_sided(abs(evidence.distance), level / 2)
    both = [one_sided(evidence.margin + sign * evidence.effect, level) for sign in (1, -1)]
    return both[0] + both[1] - 1  # at least this, whichever of the two fails
