"""How many seeds a claim needs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from helpers.samples import ALARM, like, runs
from reports.statistics.evidence import assess, correct_for_many
from reports.statistics.power import outlook, seeds_needed

pytestmark = pytest.mark.filterwarnings("error")


# seeds needed


def decided(count, seeds, relation, margin, effect):
    """Share of simulated claims about whole runs (spread 1) that get their verdict."""
    values = np.random.default_rng(3).normal(effect, 1.0, (count, seeds))
    found = [assess(runs(*each), relation, margin).verdict for each in values]
    return 1 - found.count("undecided") / count


@pytest.mark.parametrize(
    ("relation", "margin", "effect"),
    [
        ("greater", 0.0, 1.2),
        ("greater", 2.0, 0.8),
        ("equivalent", 1.3, 0.2),
        ("equivalent", 0.5, -1.8),
    ],
)
def test_the_power_note_agrees_with_a_simulation(relation, margin, effect):
    evidence = assess(like(effect, 1.0, 4), relation, margin)
    assert evidence.verdict == "undecided"
    seeds = seeds_needed(evidence)
    slack = stats.norm.isf(ALARM) * (0.8 * 0.2 / 2000) ** 0.5
    fewer, enough = (decided(2000, n, relation, margin, effect) for n in (seeds - 1, seeds))
    assert fewer < 0.8 + slack
    assert enough > 0.8 - slack
    assert outlook(evidence).startswith(f"about {seeds} seeds would decide")


def test_the_nearer_the_margin_the_more_seeds():
    needed = [seeds_needed(assess(like(effect, 1.0, 3))) for effect in (1.5, 1.0, 0.5, 0.25)]
    assert all(few < many for few, many in pairwise(needed))
    far = assess(like(0.1, 1.0, 5))
    assert seeds_needed(far) is None
    assert (
        outlook(far) == "more than 200 seeds would be needed: the effect is too close to the margin"
    )


def test_more_claims_need_more_seeds():
    evidence = assess(like(1.0, 1.0, 4))
    corrected = correct_for_many([evidence] * 10)[0]
    assert seeds_needed(corrected) > seeds_needed(evidence) > 4


def test_no_power_note_without_need_or_spread():
    clear = assess(like(9.0, 1.0, 5))
    assert (seeds_needed(clear), outlook(clear)) == (None, "")
    for values, note in (
        ((1.0, 2.0), "at least 3 seeds are needed"),
        ([1.0] * 4, "the seeds do not differ, which leaves open how many would decide"),
    ):
        evidence = assess(runs(*values))
        assert (seeds_needed(evidence), outlook(evidence)) == (None, note)
