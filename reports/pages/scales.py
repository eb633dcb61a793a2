"""The same claims put to several scales: what holds on all of them, and what does not."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from reports.data.verdicts import Verdict
from reports.pages.claims import in_released
from reports.statistics.evidence import effect_words

NOTHING = "\N{EN DASH}"


def scales_table(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """One row a claim that runs of two or more scales judge, with a column for each scale.

    Empty where no claim was put to a second scale.
    """
    claims: dict[tuple[str, str], dict[str, Verdict]] = {}
    for verdict in verdicts:
        if verdict.evidence.n_seeds:
            same = claims.setdefault((verdict.asked_by, verdict.claim.words), {})
            same.setdefault(verdict.scale, verdict)
    shared = [found for found in claims.values() if len(found) > 1]
    scales = dict.fromkeys(scale for found in shared for scale in found)
    return pd.DataFrame([_row(found, list(scales)) for found in shared])


def _row(found: dict[str, Verdict], scales: Sequence[str]) -> dict[str, str]:
    one = next(iter(found.values()))
    return {
        "study": one.asked_by,
        "claim": one.claim.words,
        "who says so": one.claim.source or NOTHING,
        "in the authors' data": in_released(one),
        **{scale: _told(found[scale]) if scale in found else NOTHING for scale in scales},
        "on all": _together([verdict.evidence.verdict for verdict in found.values()]),
    }


def _told(verdict: Verdict) -> str:
    return f"{verdict.evidence.verdict}: {effect_words(verdict.evidence)}"


def _together(verdicts: Sequence[str]) -> str:
    """One verdict where all say the same; supported here and contradicted there is `differs`."""
    said = set(verdicts)
    if len(said) == 1:
        return verdicts[0]
    return "differs" if {"supported", "contradicted"} <= said else "not decided on all"
