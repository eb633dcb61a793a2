"""What is told of a run before it starts (what is refused: tests/studies/experiments)."""

from __future__ import annotations

import re

import pytest

from snnet.readiness import check_networks
from studies.experiments.stitching import STITCHING


def told_of(scale, **changes):
    """What is told, but for files of weights."""
    config = STITCHING.resolve({**STITCHING.scale(scale, None)[2], **changes})
    return [one for one in check_networks(config) if "was adapted" not in one]


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
    told = told_of("lite", **changes)
    assert len(told) == (1 if says else 0)
    if says:
        assert re.search(says, told[0])


@pytest.mark.parametrize(
    ("scale", "changes", "says"),
    [
        ("minilm", {"kernel": 3, "stride": 2}, "kernel 3 and stride 2: .* the same 7 sub-networks"),
        ("minilm", {}, None),  # the paper's
        ("minilm", {"kernel": 3, "positions": "every"}, None),
        ("minilm", {"kernel": 3, "only": "0.1>1.2"}, None),
        ("lite", {"kernel": 3}, None),  # of stages that are equally deep
    ],
)
def test_windows_that_differ_in_name_alone_are_told(scale, changes, says):
    """The small encoders have 3 and 6 blocks: each of the first leads to one or two others."""
    told = told_of(scale, **changes)
    assert len(told) == (1 if says else 0)
    if says:
        assert re.search(says, told[0])
