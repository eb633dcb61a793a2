"""Runs with a part of their test images left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ablations.tracking.reader import TrackedRun
from reports.data.left_out import without_images
from reports.statistics.images import GROUPS
from studies.experiments.stitching import TABLE

ITEMS = np.arange(100, dtype="<i4")[::-1]


@pytest.fixture
def run():
    correct = np.random.default_rng(0).random((3, 100)) < 0.7
    table = pd.DataFrame(
        {
            "route": ["0", "1", "0.0>1.0"],
            "top1": correct.mean(axis=1),
            "top1_before": 0.5,
            "correct": [np.packbits(row).tobytes() for row in correct],
            "images": ITEMS.tobytes(),
        }
    )
    return TrackedRun("key", "id", {}, {}, table), correct


def test_scores_are_of_the_images_that_are_left(run):
    run, correct = run
    found = without_images(run, TABLE)
    assert len(found) == GROUPS
    for group, one in enumerate(found):
        rest = correct[:, group != ITEMS % GROUPS]
        assert one.table.top1.tolist() == pytest.approx(rest.mean(axis=1).tolist())
        assert one.table.top1_before.tolist() == [0.5] * 3  # its bits were not kept
    assert np.mean([one.table.top1 for one in found], axis=0) == pytest.approx(run.table.top1)


def test_where_the_images_are_not_told_none_is_left_out(run):
    run, _ = run
    assert without_images(run, None) == []
    assert without_images(run, replace(TABLE, items="")) == []
    assert without_images(replace(run, table=run.table.drop(columns="images")), TABLE) == []
