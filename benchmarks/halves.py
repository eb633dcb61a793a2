"""Whether intervals hold for somebody else's seeds: a gallery cut into two of disjoint seeds.

`python -m benchmarks.halves HOME` judges the claims of every study in HOME twice: by the first half
of its seeds, and by the others, which have other anchors, splits, orders and draws. Two galleries
differ by the errors of both, so the effect of one lies in the other's 95 % interval less often than
in 95 of 100 cases; how often it should is printed beside how often it did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import pandas as pd
from scipy import stats

from ablations.runs.home import Home
from ablations.tracking.reader import TrackedStudy, read_plans, read_study
from ablations.tracking.store import connect
from reports.data.verdicts import judge
from reports.pages.tables import markdown
from reports.statistics.confidence import CONFIDENCE
from reports.statistics.evidence import Evidence, effect_words

LEAST = 6  # seeds that make two halves of three


def halves_table(studies: Sequence[TrackedStudy]) -> pd.DataFrame:
    """One row a claim: what both halves say, and how many of the two effects (0 to 2) lie within.

    Studies of fewer than `LEAST` seeds, and claims that a half has no interval for, are left out.
    """
    rows = []
    for study in studies:
        seeds = sorted({cell.seed for cell in study.plan.cells})
        if len(seeds) < LEAST:
            continue
        middle = len(seeds) // 2
        first, second = (judge([_part(study, part)]) for part in (seeds[:middle], seeds[middle:]))
        for one, other in zip(first, second, strict=True):
            if one.evidence.interval and other.evidence.interval:
                rows.append(_row(study.plan.study, one.claim.words, one.evidence, other.evidence))
    return pd.DataFrame(rows)


def expected_share(seeds: int) -> float:
    """How often an effect over `seeds` seeds lies in the interval of as many other ones.

    Both have the same error, so their difference has sqrt(2) of it; the interval is Student's.
    """
    half_width = stats.t.ppf((1 + CONFIDENCE) / 2, seeds - 1) / np.sqrt(2)
    return float(1 - 2 * stats.t.sf(half_width, seeds - 1))


def _part(study: TrackedStudy, seeds: Sequence[int]) -> TrackedStudy:
    cells = tuple(cell for cell in study.plan.cells if cell.seed in seeds)
    return replace(study, plan=replace(study.plan, cells=cells, replicates=len(seeds)))


def _row(study: str, claim: str, one: Evidence, other: Evidence) -> dict[str, object]:
    return {
        "study": study,
        "claim": claim,
        "first half": f"{one.verdict}: {effect_words(one)}",
        "second half": f"{other.verdict}: {effect_words(other)}",
        "same verdict": one.verdict == other.verdict,
        "seeds": min(one.n_seeds, other.n_seeds),
        "effects inside": int(_holds(one, other)) + int(_holds(other, one)),
    }


def _holds(one: Evidence, other: Evidence) -> bool:
    low, high = one.interval or (np.nan, np.nan)
    return bool(low <= other.effect <= high)


@click.command(help=__doc__)
@click.argument("home", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(home: Path) -> None:
    """See the module."""
    uri = Home(home).tracking_uri
    table = halves_table([read_study(uri, name) for name in sorted(read_plans(connect(uri)))])
    if table.empty:
        raise click.ClickException(f"no study in {home} has claims and {LEAST} seeds or more")
    inside, expected = table["effects inside"].sum(), table.seeds.map(expected_share).mean()
    click.echo(markdown(table))
    click.echo(
        f"{inside} of {2 * len(table)} effects ({inside / 2 / len(table):.0%}) lie in the interval "
        f"of the other half; with so many seeds in each {expected:.0%} should. "
        f"{table['same verdict'].sum()} of {len(table)} verdicts are the same."
    )


if __name__ == "__main__":
    main()
