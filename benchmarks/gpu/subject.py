"""What the benchmarks for a GPU measure on, and how much memory it takes."""

from __future__ import annotations

from collections.abc import Callable

import torch

from benchmarks.subjects import DEIT_SHAPE, deit_anchors, small_anchors, small_shape
from snnet.distributed import Process
from snnet.memory import forget_peak, peak_memory
from snnet.network import StitchedNetwork, stitch


def subject(quick: bool, device: torch.device) -> tuple[str, StitchedNetwork]:
    """DeiT-Ti/S/B, or networks of scale `digits`, on the device; and what they are called."""
    if quick:
        name, network = "digits", stitch(small_anchors("digits"), small_shape("digits"))
    else:
        name, network = "DeiT-Ti/S/B", stitch(deit_anchors(), DEIT_SHAPE)
    return name, network.to(device)


def peaks(device: torch.device, **ways: Callable[[], object]) -> dict[str, str]:
    """GiB that tensors take at most in each way, by its name; empty on the CPU."""
    found = {}
    for name, way in ways.items():
        forget_peak(device)
        way()
        for gib in peak_memory(Process(device=device)).values():
            found[f"{name}, memory"] = f"{gib:.2f} GiB"
    return found
