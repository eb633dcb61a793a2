"""Anchors of a few thousand parameters."""

from __future__ import annotations

import torch

from snnet.anchor_spec import AnchorSpec
from snnet.anchors import create_anchor

OPTIONS = {"img_size": 8, "patch_size": 2, "in_chans": 1, "num_classes": 10, "depth": 3}
SHAPE = (1, 8, 8)


def tiny_anchor(width: int, seed: int, **options):
    torch.manual_seed(seed)
    options = {**OPTIONS, "embed_dim": width, "num_heads": 2, **options}
    return create_anchor(AnchorSpec(f"vit-{width}", "vit_tiny_patch16_224", options))
