"""Claims speak of their study."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from ablations import Axis, Claim, Experiment, Study
from ablations.errors import UserError
from ablations.study.expansion import expand
from ablations.study.plan import read_plan
from helpers.toy import MOMENTUM, STUDY


def test_a_claim_must_speak_of_the_study():
    for levels, said, near in (
        ({"rul": "plain"}, "rul 'plain'", r"did you mean rule\?"),
        ({"rule": "none"}, "rule 'none'", "choose from: plain, momentum"),
        ({"pace": 5.5}, "pace 5.5", "choose from: 5, 10"),
    ):
        claim = replace(MOMENTUM, at=levels)
        with pytest.raises(
            UserError, match=f"speaks of {said}, which is no level of the study: {near}"
        ):
            replace(STUDY, claims=[claim])
    with pytest.raises(UserError, match="relation cannot be 'greatr': did you mean greater"):
        replace(MOMENTUM, relation="greatr")
    with pytest.raises(UserError, match="equivalence needs a margin above 0"):
        replace(MOMENTUM, relation="equivalent")


def test_claims_stay_as_long_as_their_levels_do():
    study = replace(STUDY, claims=[MOMENTUM])
    assert expand("toy", study, changes={"rate": ["0.3"]}).plan.claims == (
        replace(MOMENTUM, pairing="route"),  # the first of the experiment's
    )
    assert expand("toy", study, changes={"rule": ["plain"]}).plan.claims == ()


@dataclass(frozen=True)
class Config:
    rate: float = 0.1
    epochs: int = 15
    warm: bool = False
    limit: int | None = None
    extra: Any = 0
    kernel: int = 1
    seed: int = 0


@pytest.mark.parametrize(
    ("axis", "given", "label"),
    [
        *(("rate", 3e-3, "0.003"), ("rate", "3e-3", "0.003"), ("rate", 0.1, "0.1")),
        *(("rate", 1, "1.0"), ("rate", np.float64(0.003), "0.003")),
        *(("epochs", 15, "15"), ("epochs", "15", "15"), ("epochs", 15.0, "15")),
        *(("warm", True, "True"), ("warm", "true", "True"), ("warm", 0, "False")),
        *(("limit", None, "None"), ("limit", "None", "None"), ("extra", 1, "1")),
        *(("extra", True, "True"), ("window", "1/1", "1/1"), ("named", 0.5, "low")),
    ],
)
def test_a_level_is_named_by_its_label_or_its_value(axis, given, label):
    axes = {
        "rate": [0.1, 0.003, 1.0],
        "epochs": [15, 50],
        "warm": [False, True],
        "limit": [None, 3],
        "extra": [0, True, 1],
        "window": {"1/1": {"kernel": 1}, "2/2": {"kernel": 2}},
    }
    axes = [Axis(name, levels) for name, levels in axes.items() if name == axis]
    axes = axes or [Axis("rate", {"high": {"rate": 0.1}, "low": {"rate": 0.5}})]
    name = axes[0].name
    claim = Claim("c", "top1", at={name: given}, than={name: given})
    study = Study("T", "Q?", Experiment("e", Config, print), axes, {}, claims=[claim])
    (planned,) = expand("t", study).plan.claims
    assert (planned.at, planned.than) == ({name: label}, {name: label})


def test_a_plan_holds_labels():
    record = expand("toy", replace(STUDY, claims=[MOMENTUM])).plan.record()
    record["claims"][0]["at"] = {"rule": 3}
    with pytest.raises(UserError, match="claim 'Momentum is better': rule 3 is no label"):
        read_plan(record, "a file")
