"""The toy study and what tests ask of it."""

from __future__ import annotations

from ablations.study.catalogue import load_study
from ablations.study.claim import Claim
from ablations.study.expansion import expand
from helpers.commands import TOY

STUDY = load_study(TOY)[1]
MOMENTUM = Claim("Momentum is better", "top1", {"rule": "momentum"}, {"rule": "plain"})

EXPANSION = expand("toy", STUDY, seeds=1)
PLAN = EXPANSION.plan
TWO_SEEDS = expand("toy", STUDY, seeds=2)  # has these runs and as many more
