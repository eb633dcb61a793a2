"""Claims: what studies may say, and what tracked runs say of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import TOY

from ablations.errors import UserError
from ablations.study.catalogue import load_study, study_names
from ablations.study.claim import Claim
from ablations.study.plan import expand
from ablations.tracking.reader import TrackedRun, TrackedStudy
from reports.data.measures import MEASURES, differences
from reports.data.verdicts import judge, sample_of

STUDY = load_study(TOY)[1]
MOMENTUM = Claim("Momentum is better", "top1", {"rule": "momentum"}, {"rule": "plain"})


def test_a_claim_must_speak_of_the_study():
    for levels, said in (({"rul": "plain"}, "rul 'plain'"), ({"rule": "none"}, "rule 'none'")):
        claim = replace(MOMENTUM, at=levels)
        with pytest.raises(UserError, match=f"speaks of {said}, which is no level of the study"):
            replace(STUDY, claims=[claim])
    with pytest.raises(UserError, match="relation cannot be 'greatr': did you mean greater"):
        replace(MOMENTUM, relation="greatr")
    with pytest.raises(UserError, match="equivalence needs a margin above 0"):
        replace(MOMENTUM, relation="equivalent")


def test_claims_stay_as_long_as_their_levels_do():
    study = replace(STUDY, claims=[MOMENTUM])
    assert expand("toy", study, changes={"rate": ["0.3"]}).record()["claims"] == [MOMENTUM.record()]
    assert expand("toy", study, changes={"rule": ["plain"]}).claims == ()


def test_every_claim_of_the_studies_can_be_judged():
    for name in study_names():
        study = load_study(name)[1]
        for claim in study.claims:
            assert claim.measure in MEASURES, (name, claim.words)
        assert len({claim.words for claim in study.claims}) == len(study.claims)
        for scale in ("digits", "imagenet"):
            expand(name, study, scale)


def table(top1, before=None, macs=(100, 400, 200, 300)):
    routes = ["0", "1", "0.0>1.1", "0.1>1.1"]
    frame = pd.DataFrame({"route": routes, "macs": macs, "top1": top1})
    frame["is_anchor"] = [True, True, False, False]
    frame["top1_before"] = top1 if before is None else before
    return frame


def test_measures_by_hand():
    run = table([0.5, 0.9, 0.6, 0.8], before=[0.6, 0.9, 0.7, 0.1])
    other = table([0.5, 0.9, 0.5, 0.9])
    found = {name: differences(name, run, None, "route") for name in MEASURES}
    assert found["top1"] == pytest.approx([60, 80])
    assert found["top1_before"] == pytest.approx([70, 10])
    assert found["loss"] == pytest.approx([10, -70])
    assert found["anchor_gain"] == pytest.approx([-10, 0])
    assert found["step"] == pytest.approx([10, 20, 10])
    assert found["rank_correlation"] == pytest.approx([100])
    assert found["front_area"] == pytest.approx([100 * (0.5 + 0.6 + 0.8) / 3])
    assert differences("top1", run, other, "route") == pytest.approx([10, -10])
    # at 250 MACs the other is half-way between its stitches of 50 % and 90 %
    shifted = table([0.5, 0.9, 0.6, 0.8], macs=(100, 400, 250, 350))
    assert differences("top1", shifted, other, "macs") == pytest.approx([60 - 70])
    with pytest.raises(UserError, match="no measure 'top': did you mean top1"):
        differences("top", run, None, "route")


def tracked(effect, seeds, spread=1.0, missing=()):
    """A study as it comes from the store, with made-up accuracies."""
    plan = expand("toy", replace(STUDY, claims=[MOMENTUM]), seeds=seeds)
    draws = np.random.default_rng(0)
    runs = {}
    for key, cell in plan.runs.items():
        level = (effect / 100 if cell.levels["rule"] == "momentum" else 0) + 0.5
        noise = draws.normal(0, spread / 100, 4)
        if (cell.levels["rule"], cell.seed) not in missing:
            runs[key] = TrackedRun(key, key, {}, {}, table(level + noise))
    return TrackedStudy(plan.record(), runs)


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
