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


def test_many_claims_are_corrected_together():
    alone, together = judge([tracked(3, 4)]), judge([tracked(3, 4)] + [tracked(0, 4)] * 9)
    assert together[0].evidence.p == alone[0].evidence.p
    assert together[0].evidence.p_corrected > alone[0].evidence.p_corrected
