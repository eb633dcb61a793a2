"""Least squares on the device, in both precisions."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from benchmarks.gpu.subject import subject
from benchmarks.initialisation import PRECISIONS, compare_solves
from benchmarks.measure import Result, Say
from benchmarks.subjects import structured_images

TOLERANCE = 1e-4  # of residuals, relative; the pseudo-inverses are single precision


def run(quick: bool, say: Say, device: torch.device) -> Iterator[Result]:
    """The solve alone, features of 100 images given."""
    name, network = subject(quick, device)
    network.eval()
    images = structured_images(100, network.image_shape).to(device)
    for precision in PRECISIONS:
        case = f"{name}, {precision}"
        say(case)
        timings = compare_solves(network, images, 3, precision)
        yield Result("gpu_least_squares", case, *timings, TOLERANCE)
