"""The space of a search."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ablations import Axis
from ablations.errors import UserError
from ablations.search.space import Range, SearchSpace
from ablations.study.catalogue import load_study
from helpers.searching import NOISY, noisy, sit, trials_of


def test_a_space_of_whole_numbers_is_tried_to_its_end(home):
    """Of two modes and three limits, `where` refuses one pair."""
    search = sit(home, noisy(over=("limit=7:9",), changes=("mode=a,c",)), 20)
    assert search.exhausted
    tried = {(t.params["mode"], t.params["limit"]) for t in trials_of(home, "noisy-search")}
    assert tried == {("a", 7), ("a", 8), ("a", 9), ("c", 7), ("c", 8)}
    assert len(trials_of(home, "noisy-search")) == 5


def test_a_level_that_where_refuses_is_named():
    with pytest.raises(UserError, match=r"refuses every setting with mode=c; .* --set mode=a,b"):
        noisy()
    assert "c" in noisy(over=("limit=1:9",)).space.record()["axes"]["mode"]
    with pytest.raises(UserError, match="`where`"):
        noisy(changes=("mode=c,a",))


def test_ranges_round_to_what_people_can_read():
    assert Range(1e-4, 1e-2).rounded(0.00123456) == 0.00123
    assert Range(0.12345, 0.2).rounded(0.12346) == 0.12345  # never outside
    assert Range(50, 500).rounded(123) == 123


def test_a_range_is_not_taken_for_an_axis_of_its_name():
    axes = [Axis("limit", {"few": {"mode": "a"}, "many": {"mode": "b"}})]
    named_alike = replace(load_study(NOISY)[1], axes=axes)
    with pytest.raises(UserError, match="an axis of that name that sets mode"):
        SearchSpace("noisy", named_alike, {"limit": Range(7, 9)})
