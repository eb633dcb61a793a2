"""Many stitches in one pass do what each does alone."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from helpers.spaces import network_of, routes
from snnet.costs import _NORMS
from snnet.shared_forward import (
    ALONE,
    Merge,
    Passage,
    Rider,
    _Sweep,
    plan,
    run_stitches,
    shared_macs,
)


def test_any_stitches_in_any_order(network, images):
    wanted = [7, 0, len(network.space.routes) - 1, 20, 2]
    with torch.no_grad():
        for stitch_id, logits in zip(wanted, run_stitches(network, images, wanted), strict=True):
            torch.testing.assert_close(logits, network(images, stitch_id))


def test_shared_work_is_what_a_sweep_does(network, images):
    stitches = range(len(network.space.routes))
    with FlopCounterMode(display=False, custom_mapping=_NORMS) as counter, torch.no_grad():
        run_stitches(network, images[:1], stitches)
    assert shared_macs(network, stitches) == counter.get_total_flops() // 2


IMAGES = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(1))


@settings(deadline=None, max_examples=40)
@given(
    chosen=st.lists(routes(anchors=3, depth=3), min_size=1, max_size=8, unique=True),
    merge=st.sampled_from([ALONE, Merge(positions=100), Merge(size=1 << 20)]),
)
def test_routes_of_any_shape_do_together_what_each_does_alone(chosen, merge):
    network = network_of(chosen, depth=3)
    wanted = range(len(chosen))
    with FlopCounterMode(display=False, custom_mapping=_NORMS) as counter, torch.no_grad():
        together = run_stitches(network, IMAGES, wanted, merge)
    for stitch_id, logits in zip(wanted, together, strict=True):
        with torch.no_grad():
            torch.testing.assert_close(logits, network(IMAGES, stitch_id))
    if len(chosen) > 1:
        assert shared_macs(network, wanted) == counter.get_total_flops() // 2 // len(IMAGES)


@given(chosen=st.lists(routes(anchors=3, depth=4), min_size=1, max_size=12, unique=True))
def test_every_rider_comes_after_the_one_that_it_comes_from(chosen):
    space = network_of(chosen, depth=4).space
    done = [None]
    for passage in plan(space, tuple(range(len(chosen)))):
        assert all(rider.anchor == passage.anchor for rider in passage.riders)
        assert all(rider.source in done for rider in passage.riders)
        done += passage.riders
    assert sorted(stitch for rider in done[1:] for stitch in rider.stitches) == [
        *range(len(chosen))
    ]


def test_features_that_are_missing_are_no_start(network, images):
    early = Rider(1, 1, source=Rider(0, 0))
    with pytest.raises(KeyError):
        _Sweep(network, ALONE).run(Passage(1, [early]), images)
