"""Claims by datasets: what each scale that a claim was put to says of it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from reports.data.verdicts import Verdict
from reports.pages.claims import in_released
from reports.statistics.evidence import effect_words

NOTHING = "\N{EN DASH}"


def by_scale(verdicts: Sequence[Verdict]) -> list[dict[str, Verdict]]:
    """The verdicts on each claim, by the scale that it was put to."""
    claims: dict[tuple[str, str], dict[str, Verdict]] = {}
    for verdict in verdicts:
        same = claims.setdefault((verdict.asked_by, verdict.claim.words), {})
        if verdict.scale not in same or not same[verdict.scale].evidence.n_seeds:
            same[verdict.scale] = verdict
    return list(claims.values())


def scales_table(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """One row a claim, with a column for each scale; where some have several, what all say."""
    claims = by_scale(verdicts)
    scales = list(dict.fromkeys(scale for found in claims for scale in found))
    table = pd.DataFrame([_row(found, scales) for found in claims])
    return table.drop(columns="on all") if (table["on all"] == NOTHING).all() else table


def _row(found: dict[str, Verdict], scales: Sequence[str]) -> dict[str, str]:
    one = next(iter(found.values()))
    return {
        "study": one.asked_by,
        "claim": one.claim.words,
        "who says so": one.claim.source or NOTHING,
        "in the authors' data": in_released(one),
        **{scale: _told(found[scale]) if scale in found else NOTHING for scale in scales},
        "on all": on_all(found),
    }


def _told(verdict: Verdict) -> str:
    return f"{verdict.evidence.verdict}: {effect_words(verdict.evidence)}"


def on_all(found: dict[str, Verdict]) -> str:
    """One verdict where all say the same; supported here and contradicted there is `differs`.

    A dash where fewer than two scales have runs.
    """
    told = [one.evidence.verdict for one in found.values() if one.evidence.n_seeds]
    if len(told) < 2:
        return NOTHING
    if len(set(told)) == 1:
        return told[0]
    return "differs" if {"supported", "contradicted"} <= set(told) else "not decided on all"
