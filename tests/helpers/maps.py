"""Small networks that tell of positions, canvases, and folders of images with maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from helpers.anchors import OPTIONS
from snnet.anchor_spec import AnchorSpec
from snnet.anchors import create_anchor
from snnet.data.canvas import Canvases, compose
from snnet.network import stitch

PIXELS = 16
CANVAS_OPTIONS = {**OPTIONS, "img_size": PIXELS, "patch_size": 4}


def dense_spec(width: int, classes: int = 11, **changes) -> AnchorSpec:
    options = {**CANVAS_OPTIONS, "num_classes": classes, "embed_dim": width, "num_heads": 2}
    settings = {"options": options, "weights": "random", "head": "positions", **changes}
    return AnchorSpec(f"vit-{width}", "vit_tiny_patch16_224", **settings)


def dense_network(classes: int = 11, **options):
    torch.manual_seed(0)
    anchors = [create_anchor(dense_spec(width, classes)) for width in (8, 12)]
    return stitch(anchors, (1, PIXELS, PIXELS), **options).eval()


def canvases(count: int = 24) -> Canvases:
    draws = torch.Generator().manual_seed(0)
    items = torch.rand(30, 1, 8, 8, generator=draws)
    labels = torch.randint(10, (30,), generator=draws)
    images, maps = compose(items, labels, count, PIXELS, "test")
    return Canvases(images, maps, images[:7], maps[:7], torch.arange(7), classes=11)


def write_pictures(folder: Path, names, size=(20, 12)) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    draws = np.random.default_rng(0)
    for name in names:
        pixels = draws.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png")


def write_map(path: Path, numbers) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(numbers)).save(path)
