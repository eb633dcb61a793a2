"""What tracked runs say of a claim."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ablations.study.expansion import expand
from ablations.tracking.reader import TrackedRun, TrackedStudy
from helpers.tables import table
from helpers.toy import MOMENTUM, STUDY
from reports.data.verdicts import judge, sample_of
from reports.pages.claims import claims_table


def tracked(effect, seeds, spread=1.0, missing=()):
    """A study as it comes from the store, with made-up accuracies."""
    plan = expand("toy", replace(STUDY, claims=[MOMENTUM]), seeds=seeds).plan
    draws = np.random.default_rng(0)
    runs = {}
    for key, cell in plan.runs.items():
        level = (effect / 100 if cell.levels["rule"] == "momentum" else 0) + 0.5
        noise = draws.normal(0, spread / 100, 4)
        if (cell.levels["rule"], cell.seed) not in missing:
            runs[key] = TrackedRun(key, key, {}, {}, table(level + noise))
    return TrackedStudy(plan, runs)


def verdict(*arguments, **options):
    (found,) = judge([tracked(*arguments, **options)])
    return found.evidence


def test_known_effects_are_found():
    assert verdict(10, 5).verdict == "supported"
    assert verdict(-10, 5).verdict == "contradicted"
    assert verdict(0, 5).verdict == "undecided"
    assert verdict(10, 2).verdict == "undecided"
    assert verdict(10, 5).effect == pytest.approx(10, abs=2)


def test_seeds_of_which_a_run_is_missing_are_shown_as_missing():
    study = tracked(10, 5, missing=[("momentum", 1), ("plain", 3)])
    sample = sample_of(study, MOMENTUM)
    assert (sample.differences.keys(), sample.planned) == ({0, 2, 4}, 5)
    assert "2 of 5 seeds missing" in verdict(10, 5, missing=[("plain", 1), ("plain", 3)]).reason


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_seeds_whose_numbers_are_not_finite_are_left_out_and_told(value):
    study = tracked(10, 5)
    for key, cell in study.plan.runs.items():
        if cell.levels["rule"] == "momentum" and cell.seed in (1, 3):
            study.runs[key].table.loc[2, MOMENTUM.measure] = value
    (found,) = judge([study])
    assert found.evidence.n_seeds == 3
    assert found.evidence.verdict == "supported"
    assert "top1 is no finite number for seed 1, 3; " in found.evidence.reason


def test_a_claim_that_cannot_be_judged_says_why_and_the_others_are():
    study = tracked(10, 5)
    claims = (*study.plan.claims, replace(MOMENTUM, measure="tpo1"))
    first, other = judge([replace(study, plan=replace(study.plan, claims=claims))])
    assert first.evidence.verdict == "supported"
    assert (other.evidence.verdict, other.evidence.n_seeds) == ("undecided", 0)
    why = "it cannot be judged: there is no measure 'tpo1': did you mean top1?"
    assert other.evidence.reason == why


def test_claims_of_a_study_are_corrected_together_whatever_stands_beside_it():
    alone, among = judge([tracked(3, 4)]), judge([tracked(3, 4)] + [tracked(0, 4)] * 9)
    assert among[0].evidence == alone[0].evidence
    many = tracked(3, 4)
    many = replace(many, plan=replace(many.plan, claims=many.plan.claims * 10))
    assert judge([many])[0].evidence.p == alone[0].evidence.p
    assert judge([many])[0].evidence.p_corrected > alone[0].evidence.p_corrected


def test_who_makes_a_claim_is_told_where_it_says_so():
    told, silent = (replace(MOMENTUM, source=source) for source in ("the folk", ""))
    study = tracked(3, 3)
    study = replace(study, plan=replace(study.plan, claims=(told, silent)))
    assert claims_table(judge([study])).source.tolist() == ["the folk", "\N{EN DASH}"]


def test_seeds_beyond_the_studys_own_are_told():
    few, many = judge([tracked(3, STUDY.seeds)])[0], judge([tracked(3, STUDY.seeds + 3)])[0]
    assert (few.unplanned, many.unplanned) == (0, 3)
    assert f"asks for {STUDY.seeds} seeds" in claims_table([many]).why[0]
    assert "asks for" not in claims_table([few]).why[0]
