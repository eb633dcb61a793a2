"""Settings of the stitching experiment."""

from __future__ import annotations

import pytest

from ablations.errors import UserError
from ablations.study.expansion import expand
from studies.overview import STUDY as OVERVIEW


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"calibration_images": ["100000"]}, "at most 1077"),
        ({"batch_size": ["5000"]}, "at most 1077"),
        ({"anchors": [[]]}, "anchors cannot be"),
        ({"subnetworks_per_step": ["7"]}, "multiple of subnetworks_per_step"),
        ({"distillation": ["hard"]}, "needs a teacher"),
        ({"augmentation": [{"rand_augment": "rand-m9"}]}, "held in memory"),
        ({"training_images": ["32"]}, "batch_size .64. must be at most 32"),
    ],
)
def test_impossible_stitching_settings_are_refused_before_anything_is_loaded(changes, says):
    with pytest.raises(UserError, match=says):
        expand("overview", OVERVIEW, changes=changes)
