"""The space of a search."""

from __future__ import annotations

import pytest

from ablations.errors import UserError
from ablations.search.space import Range
from helpers.searching import noisy, sit, trials_of


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
