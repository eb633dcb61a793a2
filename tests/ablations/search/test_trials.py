"""The trials of a search."""

from __future__ import annotations

import pytest

from ablations.search.journal import KEYS
from helpers.searching import noisy, sit, trials_of


def test_fewer_seeds_run_side_by_side_and_their_mean_counts(home):
    search = sit(home, noisy(over=("offset=0:20",), seeds=3, changes=("mode=a,b",)), 2, most=2)
    assert search.question.pruning == "no"
    assert len(search.plan().cells) == 3  # of one trial alone
    sit(home, search.question, 2)
    first, _ = trials_of(home, "noisy-search")
    values = [home.run(key).result()["metrics"]["value"] for key in first.user_attrs[KEYS]]
    assert first.value == pytest.approx(sum(values) / 3)
    assert list(first.intermediate_values.values()) == values
