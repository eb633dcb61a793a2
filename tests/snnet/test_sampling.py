"""Which stitches a step draws."""

from __future__ import annotations

from snnet.sampling import random_sampler, sandwich_sampler
from snnet.seeding import generator


def test_sandwich_draws_largest_smallest_and_distinct_others():
    draw = sandwich_sampler(count=8, anchors=3, random_count=2)
    seen = set()
    for seed in range(40):
        chosen = draw(generator(seed))
        assert chosen[:2] == [2, 0]
        assert len(set(chosen)) == 4
        seen |= set(chosen)
    assert seen == set(range(8))


def test_random_draws_every_stitch():
    draws, draw = generator("all"), random_sampler(range(5))
    assert {stitch for _ in range(200) for stitch in draw(draws)} == set(range(5))
