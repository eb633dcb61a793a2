"""Captions and remarks, worded from the data that they stand under."""

from __future__ import annotations

from collections.abc import Sequence

from reports.levels import Level


def accuracy_caption(axis: str, levels: Sequence[Level]) -> str:
    """What the accuracy figure of an axis shows."""
    counts = ", ".join(f"{len(level.stitches)} for {level.label}" for level in levels)
    return (
        f"Top-1 over MACs for each level of {axis}, everything else at the baseline. "
        f"Sub-networks: {counts}. Stars are anchors, a larger point has more parameters, the line "
        f"is the Pareto front. {seeds_sentence(levels)}"
    )


def difference_caption(levels: Sequence[Level]) -> str:
    """What the difference figure of an axis shows."""
    baseline = set(levels[0].stitches.index)
    shared = ", ".join(
        f"{len(baseline & set(level.stitches.index))} for {level.label}" for level in levels[1:]
    )
    return (
        f"Top-1 minus that of {levels[0].label}. Points are sub-networks with the same route in "
        f"both ({shared}); the line compares the Pareto fronts at equal MACs."
    )


def seeds_sentence(levels: Sequence[Level]) -> str:
    """How many seeds there are, and what follows for intervals."""
    counts = sorted({len(level.runs) for level in levels})
    if counts == [1]:
        return "One seed: no interval can be given. "
    seeds = " to ".join(str(count) for count in dict.fromkeys((counts[0], counts[-1])))
    return f"Means over {seeds} seeds; bars are 95 % Student-t intervals over seeds. "
