"""Depth: errors relative to what is known alone."""

from __future__ import annotations

import pytest
import torch

from snnet.tasks.depth import DEPTH


def test_errors_by_hand():
    """One image of four pixels, one of which has no depth."""
    targets = torch.tensor([[[1.0, 2.0], [4.0, 0.0]]])
    found = torch.tensor([[[[1.0, 2.4], [2.0, 9.0]]]]).log()
    measured = DEPTH.measure(found[None], targets)
    one = DEPTH.summarise(measured[:, 0], 1)
    assert one["abs_rel"] == pytest.approx((0 + 0.2 + 0.5) / 3)
    assert one["rmse"] == pytest.approx(((0.4**2 + 2**2) / 3) ** 0.5)
    assert one["close"] == pytest.approx(2 / 3)
    assert DEPTH.total(found, targets) == pytest.approx(one["abs_rel"])
    assert float(DEPTH.loss(found, targets, 0.0)) == pytest.approx(one["loss"])


def test_no_depth_teaches_nothing():
    outputs = torch.randn(1, 1, 2, 2, requires_grad=True)
    targets = torch.tensor([[[1.0, 0.0], [0.0, 3.0]]])
    DEPTH.loss(outputs, targets, 0.0).backward()
    assert (outputs.grad[0, 0] != 0).tolist() == [[True, False], [False, True]]
    assert DEPTH.loss(outputs, torch.zeros(1, 2, 2), 0.0) == 0


def test_less_is_better():
    assert DEPTH.score.goal == "minimize"


def test_followers_and_pupils_learn_maps_of_any_size():
    other = torch.full((1, 1, 8, 8), 2.0)
    outputs = torch.full((1, 1, 4, 4), 0.5)
    assert DEPTH.follow(outputs, other) == pytest.approx(1.5)
    assert DEPTH.distil(outputs, other, "soft", 1.0) == pytest.approx(1.5)
