"""How the ratios of solve, evaluation and cost table grow with the number of stitches."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from benchmarks.bounds import bound_by_work
from benchmarks.cost_table import compare_cost_tables
from benchmarks.evaluation import TOLERANCE, compare_evaluations
from benchmarks.initialisation import compare_solves
from benchmarks.measure import Result, Say
from benchmarks.subjects import small_anchors, small_shape, structured_images
from snnet.network import stitch

SPACES = ((2, "nearest"), (3, "nearest"), (2, "all"), (3, "all"))  # 71, 111, 732, 1748 stitches
FEW = 200  # stitches whose plain cost table does not take minutes
SOLVE_TOLERANCE = 1e-3  # of residuals, relative; the pseudo-inverses are single precision
CALIBRATION_IMAGES, TEST_IMAGES = 100, 16


def run(quick: bool, say: Say) -> Iterator[Result]:
    """Anchors of scale `fashion`: 12 blocks, as DeiT, but small enough for the plain ways."""
    shape = small_shape("fashion")
    anchors = small_anchors("fashion")
    with torch.device("meta"):
        empty = small_anchors("fashion")
    for kernel, pairs in SPACES[: 1 if quick else None]:
        network = stitch(anchors, shape, kernel=kernel, pairs=pairs).eval()
        count = len(network.space.routes)
        case = f"{count} stitches"
        repeats = 1 if quick else 3
        say(f"{case}: solve")
        images = structured_images(CALIBRATION_IMAGES, shape)
        timings = compare_solves(network, images, 1 if quick else 9)
        yield Result("growth_solve", case, *timings, SOLVE_TOLERANCE, stitches=count)
        say(f"{case}: evaluation")
        images = structured_images(TEST_IMAGES, shape)
        timings = compare_evaluations(network, images, repeats)
        bounds = {"work": bound_by_work(network)}
        yield Result("growth_evaluation", case, *timings, TOLERANCE, bounds=bounds, stitches=count)
        say(f"{case}: cost table")
        repeats = 3 if count < FEW and not quick else 1
        timings = compare_cost_tables(empty, shape, repeats, kernel=kernel, pairs=pairs)
        yield Result("growth_cost_table", case, *timings, 0.0, stitches=count)
