"""Training goes on from a checkpoint with the same bits."""

from __future__ import annotations

import pytest
import torch

from helpers.training import resumed, steady, training, weights
from snnet.checkpoint import resume_training, save_training
from snnet.errors import CheckpointError
from snnet.layers import KINDS
from snnet.recipe import Augmentation

DEMANDING = {
    "random": {},
    "sandwich": {"sampling": "sandwich"},
    "everything": {
        "sampling": "sandwich",
        "subnetworks_per_step": 2,
        "drop_path": 0.3,
        "gradient_clip": 1.0,
        "anchor_learning_rate": 0.1,
        "augmentation": Augmentation(degrees=5, mixup=0.8, cutmix=1.0),
    },
    **{
        rule: {
            "sampling": rule,
            "subnetworks_per_step": 2,
            "cost_gap": 1e4,
            "calibration_images": 20,
        }
        for rule in ("cost_groups", "equal_exposure", "inverse_visits", "importance")
    },
    "routes that return": {"direction": "both", "returns": 2, "positions": "aligned"},
    **{kind: {"layer": kind, "direction": "both"} for kind in KINDS if kind != "identity"},
    "sgd": {"optimizer": "sgd"},
    "bf16": {"precision": "bf16"},
    "fp16": {"precision": "fp16"},
}


@pytest.mark.parametrize("changes", DEMANDING.values(), ids=DEMANDING)
def test_resumed_training_ends_with_the_same_bits(data, changes, tmp_path):
    """Stopped after any step, in the middle of an epoch or at its end."""
    whole = training(data, **changes)
    expected_metrics = [steady(whole.run_epoch()) for _ in range(4)]
    for stop in (1, 4, 6):  # steps; an epoch has four
        second = resumed(stop, data, tmp_path, **changes)
        metrics = [steady(second.run_epoch()) for _ in range(4 - second.epoch)]
        assert metrics == expected_metrics[-len(metrics) :]
        expected, actual = weights(whole), weights(second)
        assert all(torch.equal(expected[name], actual[name]) for name in expected)
        assert torch.equal(whole.visits, second.visits)


def test_a_damaged_or_foreign_checkpoint_is_refused(data, tmp_path):
    run = training(data)
    path = tmp_path / "checkpoint"
    with pytest.raises(CheckpointError, match="there is no file"):
        resume_training(run, path)
    save_training(run, run.state(), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match="is damaged"):
        resume_training(run, path)
    other = training(data)
    other.network.layers.append(torch.nn.Linear(2, 2))
    save_training(other, other.state(), path)
    with pytest.raises(
        CheckpointError, match=r"unknown layers\.\d+\.(weight|bias), layers\.\d+\.(weight|bias)"
    ):
        resume_training(run, path)
