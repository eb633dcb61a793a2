"""Which stitches a step draws."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.anchors import SHAPE, tiny_anchor
from snnet.config import StitchingConfig
from snnet.network import stitch
from snnet.sampling import (
    cost_groups,
    create_sampler,
    equal_sampler,
    group_sampler,
    importance_weights,
    random_sampler,
    sandwich_sampler,
    visits_sampler,
    weighted_sampler,
)
from snnet.seeding import generator

NONE = torch.zeros(8, dtype=torch.long)  # visits


def test_sandwich_draws_largest_smallest_and_distinct_others():
    draw = sandwich_sampler(count=8, largest=2, smallest=0, random_count=2)
    seen = set()
    for seed in range(40):
        chosen = draw(generator(seed), NONE)
        assert chosen[:2] == [2, 0]
        assert len(set(chosen)) == 4
        seen |= set(chosen)
    assert seen == set(range(8))


def test_random_draws_every_stitch():
    draws, draw = generator("all"), random_sampler(range(5))
    assert {stitch for _ in range(200) for stitch in draw(draws, NONE)} == set(range(5))


macs = st.lists(st.integers(1, 50), min_size=1, max_size=20)


@given(macs=macs, gap=st.integers(1, 20))
def test_groups_by_cost_hold_each_stitch_once_and_reach_no_further_than_the_gap(macs, gap):
    groups = cost_groups(range(len(macs)), macs, gap)
    assert sorted(stitch for group in groups for stitch in group) == list(range(len(macs)))
    for group in groups:
        assert macs[group[-1]] - macs[group[0]] <= gap
    for one, other in pairwise(groups):
        assert macs[other[0]] - macs[one[0]] > gap


def test_groups_are_drawn_alike_however_many_they_hold():
    draw, draws = group_sampler([[0], [1, 2, 3]]), generator("groups")
    counts = Counter(draw(draws, NONE)[0] for _ in range(600))
    assert set(counts) == {0, 1, 2, 3}
    assert 240 < counts[0] < 360
    assert all(60 < counts[stitch] < 140 for stitch in (1, 2, 3))


@given(stitches=st.sets(st.integers(0, 7), min_size=1), rounds=st.integers(1, 4))
def test_equal_exposure_draws_none_twice_before_all_once(stitches, rounds):
    draw, visits = equal_sampler(sorted(stitches)), NONE.clone()
    for seed in range(rounds * len(stitches)):
        (chosen,) = draw(generator(seed), visits)
        visits[chosen] += 1
        assert max(visits[sorted(stitches)]) - min(visits[sorted(stitches)]) <= 1
    assert visits.sum() == visits[sorted(stitches)].sum()
    assert set(visits[sorted(stitches)].tolist()) == {rounds}


def test_what_was_trained_rarely_is_drawn_more_often():
    draw, draws = visits_sampler([1, 2]), generator("visits")
    counts = Counter(draw(draws, torch.tensor([0, 0, 3]))[0] for _ in range(500))
    assert 360 < counts[1] < 440  # four of five
    assert set(counts) == {1, 2}


def two_way(**changes):
    """A sampler of two anchors, the costlier of which is named first."""
    anchors = [tiny_anchor(12, 0), tiny_anchor(8, 1)]
    network = stitch(anchors, SHAPE, positions="aligned", direction="both", returns=1)
    importance = [1.0] * (len(network.space.routes) - 2)
    config = StitchingConfig(direction="both", **changes)
    return network, create_sampler(network, config, lambda: importance)


def test_a_two_way_sandwich_goes_by_cost():
    _, draw = two_way(sampling="sandwich")
    assert draw(generator(0), NONE)[:2] == [0, 1]


def test_important_stitches_are_drawn_more_often_and_anchors_as_often_as_uniformly():
    weights = importance_weights([True, False, True, False, False], [1.0, 0.0, 5.0])
    assert weights == [2.0, 1.0, 2.0, 0.0, 5.0]
    draw, draws = weighted_sampler(range(5), weights), generator("important")
    counts = Counter(draw(draws, NONE)[0] for _ in range(1000))
    assert set(counts) == {0, 1, 2, 4}
    assert 440 < counts[4] < 560
    assert 150 < counts[0] < 250
    assert importance_weights([True], []) == [1.0]  # one anchor alone
    with pytest.raises(ValueError, match="choose another sampling"):
        importance_weights([True, False], [0.0])


@pytest.mark.parametrize(
    "sampling", ["random", "cost_groups", "equal_exposure", "inverse_visits", "importance"]
)
def test_frozen_anchors_are_not_drawn(sampling):
    network, draw = two_way(sampling=sampling, cost_gap=1e4, tuning="stitching_layers")
    visits = torch.zeros(len(network.space.routes), dtype=torch.long)
    for seed in range(60):
        visits[draw(generator(seed), visits)] += 1
    assert visits[:2].tolist() == [0, 0]
    assert (visits[2:] > 0).all()
