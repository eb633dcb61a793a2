"""Evaluation of all sub-networks on the device: one sweep against one by one."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from benchmarks.bounds import bound_by_work
from benchmarks.evaluation import compare_evaluations
from benchmarks.gpu.subject import subject
from benchmarks.measure import Result, Say
from benchmarks.subjects import structured_images

TOLERANCE = 1e-3  # of logits


def run(quick: bool, say: Say, device: torch.device) -> Iterator[Result]:
    """Batches of 16, 64 and 256 images."""
    name, network = subject(quick, device)
    network.eval()
    for batch in (16,) if quick else (16, 64, 256):
        say(f"{name}, batch {batch}")
        images = structured_images(batch, network.image_shape).to(device)
        timings = compare_evaluations(network, images, 3 if quick else 5)
        bounds = {"work": bound_by_work(network)}
        case = f"{name}, batch {batch}"
        yield Result("gpu_sweep", case, *timings, TOLERANCE, bounds=bounds)
