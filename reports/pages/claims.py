"""Verdicts as a table: for the page, and as Markdown, LaTeX and CSV for a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from reports.data.measures import MEASURES
from reports.data.released import released
from reports.data.verdicts import Verdict
from reports.pages.tables import latex, markdown
from reports.statistics.confidence import CONFIDENCE_WORDS, in_percent
from reports.statistics.evidence import Evidence, interval_words, words
from reports.statistics.interval import number
from reports.statistics.power import outlook

COLUMNS = {
    "study": "study",
    "claim": "claim",
    "verdict": "verdict",
    "evidence": "effect, interval, n, p",
    "beside": f"for comparison, {CONFIDENCE_WORDS}",
    "why": "why",
    "source": "who says so",
    "released": "in the authors' data",
}


def claims_table(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """One row a claim, in words; see `COLUMNS`."""
    return pd.DataFrame([_row(verdict) for verdict in verdicts], columns=list(COLUMNS))


def _row(verdict: Verdict) -> dict[str, str]:
    evidence = verdict.evidence
    more = outlook(evidence)
    return {
        "study": verdict.study,
        "claim": verdict.claim.words,
        "verdict": evidence.verdict,
        "evidence": words(evidence),
        "beside": _beside(evidence),
        "why": "; ".join(filter(None, [evidence.reason, more, _unplanned(verdict)])),
        "source": verdict.claim.source or "\N{EN DASH}",
        "released": in_released(verdict),
    }


def in_released(verdict: Verdict) -> str:
    """What the claim's effect is in what the paper's authors released, by family."""
    claim = verdict.claim
    found = released(claim, verdict.plan)
    if not found:
        return "\N{EN DASH}"
    unit = "%" if claim.statistic == "share" else MEASURES[claim.measure].unit
    return f"{', '.join(f'{name} {number(value)}' for name, value in found.items())} ({unit})"


def _unplanned(verdict: Verdict) -> str:
    """A warning of seeds that were added to those that the study asks for."""
    if not verdict.unplanned:
        return ""
    planned = verdict.evidence.n_seeds - verdict.unplanned
    return (
        f"the study asks for {planned} seeds: if the others were added because of what the first "
        "ones said, p is too small"
    )


def _beside(evidence: Evidence) -> str:
    """What the interval would be by other ways, and how much of it is of the test images."""
    ways = {"hierarchical bootstrap": evidence.bootstrap}
    if evidence.estimate != evidence.over_seeds:
        ways = {"seeds alone": evidence.seeds_interval, **ways}
    told = [
        f"{way} {interval_words(interval, evidence.statistic, evidence.digits)}"
        for way, interval in ways.items()
        if interval
    ]
    if told and evidence.of_images:
        told.append(f"{in_percent(round(evidence.of_images, 2))} of the variance is of test images")
    return "; ".join(told) or "\N{EN DASH}"


def save_claims(verdicts: Sequence[Verdict], facts: Mapping[str, str], folder: Path) -> None:
    """Write claims.md, claims.tex, and claims.csv with the bare numbers.

    Arguments:
        facts: where the numbers come from; stand below the Markdown table.
    """
    table = claims_table(verdicts).rename(columns=COLUMNS)
    lines = "".join(f"- {name}: {text}\n" for name, text in facts.items())
    (folder / "claims.md").write_text(f"{markdown(table)}\n{lines}", encoding="utf-8")
    (folder / "claims.tex").write_text(
        latex(table, "lp{4cm}lp{4cm}p{3cm}p{4cm}p{2cm}p{3cm}"), encoding="utf-8"
    )
    _numbers(verdicts).to_csv(folder / "claims.csv", index=False)


def _numbers(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    rows = []
    for verdict in verdicts:
        claim, evidence = verdict.claim, verdict.evidence
        low, high = evidence.interval or (None, None)
        bootstrap = evidence.bootstrap or (None, None)
        seeds = evidence.seeds_interval or (None, None)
        rows.append(
            {
                "study": verdict.study,
                "claim": claim.words,
                "measure": claim.measure,
                "relation": claim.relation,
                "margin": claim.margin,
                "verdict": evidence.verdict,
                "effect": evidence.effect,
                "low": low,
                "high": high,
                "seeds_low": seeds[0],
                "seeds_high": seeds[1],
                "of_images": evidence.of_images,
                "bootstrap_low": bootstrap[0],
                "bootstrap_high": bootstrap[1],
                "size": evidence.size,
                "seeds": evidence.n_seeds,
                "planned": evidence.planned,
                "stitches": evidence.n_stitches,
                "p": evidence.p,
                "p_contrary": evidence.p_contrary,
                "p_corrected": evidence.p_corrected,
            }
        )
    return pd.DataFrame(rows)
