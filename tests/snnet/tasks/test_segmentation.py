"""Segmentation: mIoU, and losses that see what is labelled alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from snnet.tasks.segmentation import IGNORED, SEGMENTATION, mean_iou


def outputs_of(found: torch.Tensor, classes: int) -> torch.Tensor:
    """Logits (1, B, classes, H, W) whose largest is the class that is found."""
    return 4.0 * functional.one_hot(found, classes).permute(0, 3, 1, 2)[None].float()


def summary(outputs, targets):
    measured = SEGMENTATION.measure(outputs, targets)
    return [SEGMENTATION.summarise(one, outputs.shape[2]) for one in measured.swapaxes(0, 1)]


def test_miou_by_hand():
    """Two images of four pixels; a class that is nowhere does not count."""
    targets = torch.tensor([[[0, 0], [1, 1]], [[0, 1], [IGNORED, 1]]], dtype=torch.uint8)
    found = torch.tensor([[[0, 1], [1, 1]], [[0, 0], [2, 1]]])
    (one,) = summary(outputs_of(found, 4), targets)
    # class 0: 2 of 4 pixels (one missed, one too many); class 1: 3 of 5
    assert one["miou"] == pytest.approx((2 / 4 + 3 / 5) / 2)
    assert one["pixels"] == pytest.approx(5 / 7)


def test_miou_is_scikit_learns():
    metrics = pytest.importorskip("sklearn.metrics")
    draws = torch.Generator().manual_seed(0)
    targets = torch.randint(5, (6, 8, 8), generator=draws)
    outputs = torch.randn(3, 6, 5, 8, 8, generator=draws)
    targets[torch.rand(targets.shape, generator=draws) < 0.2] = IGNORED
    known = targets != IGNORED
    for one, found in zip(summary(outputs, targets), outputs.argmax(2), strict=True):
        pair = targets[known].numpy(), found[known].numpy()
        assert one["miou"] == pytest.approx(metrics.jaccard_score(*pair, average="macro"))
        assert one["pixels"] == pytest.approx(metrics.accuracy_score(*pair))


def test_coarse_outputs_are_scaled_to_the_labels():
    coarse = torch.randn(2, 5, 4, 4, generator=torch.Generator().manual_seed(0))
    fine = functional.interpolate(coarse, (12, 12), mode="bilinear", align_corners=False)
    targets = torch.randint(5, (2, 12, 12))
    wanted = functional.cross_entropy(fine, targets, label_smoothing=0.1)
    torch.testing.assert_close(SEGMENTATION.loss(coarse, targets, 0.1), wanted)
    assert summary(coarse[None], targets) == summary(fine[None], targets)


def test_what_has_no_label_teaches_nothing():
    outputs = torch.randn(2, 3, 4, 4, requires_grad=True)
    targets = torch.randint(3, (2, 4, 4))
    targets[0] = IGNORED
    SEGMENTATION.loss(outputs, targets, 0.1).backward()
    assert not outputs.grad[0].any()
    assert outputs.grad[1].any()
    assert SEGMENTATION.loss(outputs, torch.full((2, 4, 4), IGNORED), 0.1) == 0


def test_scores_add_up_over_batches():
    draws = torch.Generator().manual_seed(0)
    outputs, targets = torch.randn(1, 6, 3, 4, 4, generator=draws), torch.randint(3, (6, 4, 4))
    parts = [SEGMENTATION.measure(outputs[:, n : n + 2], targets[n : n + 2]) for n in (0, 2, 4)]
    together = np.concatenate(parts, axis=2)[:, 0]
    assert SEGMENTATION.summarise(together, 3) == summary(outputs, targets)[0]


def test_an_image_is_scored_by_its_own_classes():
    targets = torch.zeros(2, 4, 4, dtype=torch.long)
    found = targets.clone()
    found[1, 0] = 1
    total = SEGMENTATION.total(outputs_of(found, 3)[0], targets)
    assert total == pytest.approx(1 + mean_iou(np.array([12, 0]), np.array([16, 4])))


def test_followers_and_pupils_learn_from_maps_of_any_size():
    outputs, other = torch.randn(2, 3, 4, 4), torch.randn(2, 3, 8, 8)
    fine = functional.interpolate(outputs, (8, 8), mode="bilinear", align_corners=False)
    wanted = -(fine.log_softmax(1) * other.softmax(1)).sum(1).mean()
    torch.testing.assert_close(SEGMENTATION.follow(outputs, other), wanted)
    soft = wanted + (other.softmax(1) * other.log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(SEGMENTATION.distil(outputs, other, "soft", 1.0), soft)
    hard = functional.cross_entropy(fine, other.argmax(1))
    torch.testing.assert_close(SEGMENTATION.distil(outputs, other, "hard", 1.0), hard)
