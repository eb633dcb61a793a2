"""Settings of the stitching experiment."""

from __future__ import annotations

import pytest

from ablations.errors import UserError
from ablations.study.expansion import expand
from studies.experiments.stitching import STITCHING
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
        ({"training_images": ["1078"]}, "must be at most 1077, all that digits has"),
        ({"test_images": ["541"]}, "must be at most 540, all that digits has"),
        ({"stages": [[99]]}, r"these anchors have stages 0 to 0, not \[99\]"),
        ({"stages": [[-1]]}, "stages.0 cannot be -1"),
        ({"stages": [[0, 0]]}, "names a stage twice"),
        ({"kernel": [10**10]}, "kernel cannot be"),
        ({"only": ["9>9"], "sampling": ["random"]}, "there is no route '9>9' to train alone"),
        ({"augmentation": [{"degres": 10}]}, "augmentation has no setting 'degres': did you mean"),
        ({"teacher": [{"name": "a", "architecture": "b", "wieghts": ""}]}, "did you mean weights?"),
        ({"teacher": [{}]}, "teacher needs name"),
        ({"teacher": [{"name": "a/b", "architecture": "b"}]}, "should be one word"),
        ({"dataset": ["digit"]}, "did you mean digits?"),
        ({"dataset": ["abc"]}, "none of those in memory .digits, fashion.: timm reads it"),
    ],
)
def test_impossible_stitching_settings_are_refused_before_anything_is_loaded(changes, says):
    with pytest.raises(UserError, match=says):
        expand("overview", OVERVIEW, changes=changes)


def test_stages_of_ready_made_anchors_are_known_without_timm():
    with pytest.raises(UserError, match=r"stages 0 to 3, not \[4\]"):
        expand("overview", OVERVIEW, "imagenet", "swin", changes={"stages": [[4]]})
    deep = [{"name": "a", "architecture": "vit_tiny_patch16_224", "options": {"depth": 10**6}}] * 2
    with pytest.raises(UserError, match="depth should be a whole number from 1 to 200"):
        expand("overview", OVERVIEW, changes={"anchors": [deep]})


def anchors(*specs):
    made = [{"name": "a", "architecture": "resnet18", **spec} for spec in specs]
    return STITCHING.resolve({"anchors": made, "calibration_images": 50})


@pytest.mark.parametrize(
    ("specs", "says"),
    [
        (
            ({"weights": "pretraned"}, {}),
            "a: there is no file of weights 'pretraned': did you mean",
        ),
        (({"architecture": "resnet19"}, {}), "timm has no architecture 'resnet19': did you mean"),
        (
            ({"options": {"num_class": 3}}, {}),
            "timm's ResNet has no option 'num_class': did you mean num_classes?",
        ),
        (({"architecture": "convnext_atto"}, {}), "no anchor adapter for ConvNeXt"),
        (
            ({"options": {"in_chans": 1}}, {"architecture": "levit_192"}),
            r"anchors must have equally many stages, not \[4, 3\]",
        ),
    ],
)
def test_anchors_that_cannot_be_made_are_told_before_a_launch(specs, says):
    with pytest.raises(UserError, match=says):
        STITCHING.check_ready(anchors(*specs))


def test_ready_made_anchors_need_no_look(monkeypatch):
    monkeypatch.setattr("studies.experiments.anchors._check_outlines", lambda config: 1 / 0)
    settings = STITCHING.scale("digits", "vit")[2]
    STITCHING.check_ready(STITCHING.resolve(settings))
