"""Many stitches in one pass do what each does alone."""

from __future__ import annotations

import torch
from torch.utils.flop_counter import FlopCounterMode

from snnet.costs import _NORMS
from snnet.shared_forward import run_stitches, shared_macs


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
