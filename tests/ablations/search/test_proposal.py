"""What a search tries next."""

from __future__ import annotations

import optuna

from ablations.search.proposal import propose
from helpers.searching import question


def test_every_seed_proposes_its_own_and_always_the_same():
    asked = question()
    trials = [optuna.trial.create_trial(value=1.0)]

    def first(seed):
        return propose(asked.space, asked.aim.goals, trials, [], seed)

    assert first(3) == first(3)
    assert first(3) != first(4)
    repeated = asked.space.key(first(3), 0)
    assert propose(asked.space, asked.aim.goals, trials, [repeated], 3) != first(3)
