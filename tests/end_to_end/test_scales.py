"""The larger scales, run for real on few images."""

from __future__ import annotations

import json
import os

import pytest
import torch
from PIL import Image

from helpers.datasets import needs_fashion
from snnet.scales import SCALES

FEW = ["--set", "training_images=128", "--set", "test_images=48", "--set", "epochs=2"]
FEW += ["--set", "warmup_epochs=1"]


@needs_fashion
def test_overview_at_scale_fashion(ablate):
    """All of overview's axes with two depth-12 anchors, on few images."""
    anchors = [
        {**anchor, "recipe": {"epochs": 1, "warmup_epochs": 0}}
        for anchor in SCALES["fashion"]["vit"]["anchors"][:2]
    ]
    few = [*FEW, "--set", f"anchors={json.dumps(anchors)}", "--set", "window=2/1,1/1"]
    done = ablate("run", "overview", "--scale", "fashion", *few, "--name", "few")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 of 5 runs done" in done.stdout
    assert ablate("report", "few", "--figure", "accuracy").returncode == 0


def test_imagenet_without_imagenet(ablate, tmp_path):
    environment = {**os.environ, "SNNET_DATA": str(tmp_path / "nowhere")}
    for family in SCALES["imagenet"]:
        asked = ["--scale", "imagenet", "--family", family]
        if family == "levit":  # stages of equal depth cannot be stitched by windows of one block
            asked += ["--set", "window=2/1"]
        done = ablate("run", "overview", *asked, env=environment)
        assert done.returncode == 2
        assert "set SNNET_DATA to the directory that holds imagenet/" in done.stderr
        assert not (tmp_path / "home" / "runs").exists()


@pytest.fixture
def image_folder(tmp_path):
    """A thousand class folders, with one or two images to train on and one to test."""
    root = tmp_path / "data" / "imagenet"
    draws = torch.Generator().manual_seed(0)
    for number in range(1000):
        for split, count in (("train", 1 + (number < 24)), ("val", 1)):
            folder = root / split / f"n{number:08d}"
            folder.mkdir(parents=True)
            for n in range(count):
                pixels = torch.randint(0, 256, (64, 64, 3), generator=draws, dtype=torch.uint8)
                Image.fromarray(pixels.numpy()).save(folder / f"{n}.JPEG")
    return root.parent


def test_imagenet_with_a_small_image_folder(ablate, image_folder):
    """Swin at 224 px with the paper's recipe, but for its size: what is shrunk is said here."""
    options = {"depths": [2, 2], "num_heads": [1, 2]}
    anchors = [
        {
            "name": f"swin-{width}",
            "architecture": "swin_tiny_patch4_window7_224",
            "options": {**options, "embed_dim": width},
            "weights": "random",
        }
        for width in (16, 32)
    ]
    teacher = {"name": "teacher", "architecture": "resnet18", "weights": "random"}
    changes = {
        "anchors": json.dumps(anchors),
        "stages": "[0, 1]",
        "teacher": json.dumps(teacher),
        "training_images": "32",
        "test_images": "8",
        "calibration_images": "8",
        "batch_size": "16",
        "subnetworks_per_step": "2",
        "epochs": "2",
        "warmup_epochs": "1",
        "window": "2/1",
        "sampling": "random",
        "direction": "fast_to_slow",
        "init": "least_squares",
        "decoded": "True",
        "teacher_answers": "kept",
        "precision": "fp32",  # a CPU without bf16 takes 40 times as long for a convolution
    }
    few = [part for name, value in changes.items() for part in ("--set", f"{name}={value}")]
    done = ablate(
        "run",
        "overview",
        *("--scale", "imagenet", "--family", "swin"),
        *few,
        env={**os.environ, "SNNET_DATA": str(image_folder), "SNNET_WORKERS": "0"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 of 1 runs done" in done.stdout
