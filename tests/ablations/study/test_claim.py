"""Claims speak of their study."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ablations.errors import UserError
from ablations.study.expansion import expand
from helpers.toy import MOMENTUM, STUDY


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
    assert expand("toy", study, changes={"rate": ["0.3"]}).plan.claims == (
        replace(MOMENTUM, pairing="route"),  # the first of the experiment's
    )
    assert expand("toy", study, changes={"rule": ["plain"]}).plan.claims == ()
