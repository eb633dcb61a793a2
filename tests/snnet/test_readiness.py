"""What is told of a run before it starts (what is refused: tests/studies/experiments)."""

from __future__ import annotations

import re

import pytest

from snnet.readiness import check_networks
from studies.experiments.stitching import STITCHING


def few_rows(scale, **changes):
    config = STITCHING.resolve({**STITCHING.scale(scale, None)[2], **changes})
    return [told for told in check_networks(config) if told.startswith("calibration_images")]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"calibration_images": 50}, "50: 8 of 24 stitching layers .*at worst 200 for 193"),
        ({"calibration_images": 96}, "96: .*at worst 384 for 193 unknowns.*with 97 all have"),
        ({"calibration_images": 97}, None),
        ({"calibration_images": 50, "init": "kaiming"}, None),
        ({"calibration_images": 50, "stages": [2, 3]}, None),  # of more positions
    ],
)
def test_calibration_images_that_give_few_rows_are_told(changes, says):
    """The last stages of EfficientNet-Lite have 2 x 2 positions and 192 channels."""
    told = few_rows("lite", **changes)
    assert len(told) == (1 if says else 0)
    if says:
        assert re.search(says, told[0])
