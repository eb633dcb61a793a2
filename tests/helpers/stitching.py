"""A small stitching run."""

from __future__ import annotations

from studies.experiments.stitching import STITCHING

VIT = {
    "img_size": 8,
    "patch_size": 2,
    "in_chans": 1,
    "num_classes": 10,
    "depth": 3,
    "num_heads": 2,
}
CONFIG = {
    "dataset": "digits",
    "training_images": 128,
    "test_images": 51,  # not the same number for every process
    "calibration_images": 50,
    "epochs": 2,
    "warmup_epochs": 1,
    "batch_size": 32,
    "subnetworks_per_step": 2,
    "learning_rate": 1e-3,
    "gradient_clip": 5.0,
    "anchors": [
        {
            "name": f"vit-{width}",
            "architecture": "vit_tiny_patch16_224",
            "options": {**VIT, "embed_dim": width},
            "weights": "random",
        }
        for width in (8, 16)
    ],
}


def settings(**changes):
    return STITCHING.resolve({**CONFIG, "subnetworks_per_step": 1, **changes})
