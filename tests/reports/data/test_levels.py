"""The levels of an axis, seed by seed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ablations.tracking.reader import TrackedRun, read_study
from reports.data.levels import Level, axis_levels, gain, told_apart


def test_levels_pair_seeds(uri):
    study = read_study(uri, "toy")
    baseline, momentum = axis_levels(study, "rule")
    assert (baseline.label, momentum.label) == ("plain", "momentum")
    assert baseline.is_baseline
    assert not momentum.is_baseline
    expected = [
        100 * (momentum.runs[s].metrics["mean_top1"] - baseline.runs[s].metrics["mean_top1"])
        for s in range(3)
    ]
    found = gain(momentum, baseline, lambda run: 100 * run.metrics["mean_top1"])
    assert found.mean == pytest.approx(np.mean(expected))
    assert found.n == 3
    assert baseline.stitches.loc["0.0>1.1"].half_width > 0


def test_stitches_are_told_apart_by_the_images_that_only_one_gets_right():
    def level(images=83, **wrong):
        """One seed, of each route so many of the first images are wrong."""
        bits = [np.packbits(np.arange(images) >= count).tobytes() for count in wrong.values()]
        table = pd.DataFrame({"route": list(wrong), "correct": bits})
        return Level("axis", "level", False, {0: TrackedRun("", "", {}, {}, table)}, 1)

    ours = level(better=0, worse=20, same=3, near=1, alone=0)
    theirs = level(better=20, worse=0, same=3, near=5)  # 4 images: p = 0.125
    assert told_apart(ours, theirs) == (1, 1, 4)
    assert told_apart(theirs, theirs) == (0, 0, 4)
    other_task = level(600, better=0, worse=20)
    assert told_apart(other_task, theirs) == told_apart(theirs, other_task) == (0, 0, 0)
