"""Small networks of every family, with random weights, for tests."""

from __future__ import annotations

import timm
import torch

from snnet.anchor_spec import AnchorSpec
from snnet.anchors import adapt, create_anchor
from snnet.config import StitchingConfig
from snnet.data.memory import InMemory
from snnet.network import stitch

VIT = {"img_size": 32, "patch_size": 8, "depth": 3, "num_heads": 2}
NARROW = {"channels": (8, 16, 32, 64)}  # of the blocks that the published networks have
LEVIT = {"img_size": 96, "key_dim": 8}
SWIN = {"img_size": 32, "patch_size": 4, "window_size": 4, "num_heads": (1, 2)}
# of a few steps
CONFIG = StitchingConfig(
    epochs=1,
    warmup_epochs=0,
    batch_size=8,
    learning_rate=1e-3,
    subnetworks_per_step=2,
    gradient_clip=5.0,
    anchors=(),
)
# architecture with options for each anchor, image size, stages that hold stitches
FAMILIES = {
    "deit": (
        [("deit_tiny_patch16_224", {**VIT, "embed_dim": width}) for width in (8, 16, 24)],
        32,
        None,
    ),
    "deit3": ([("deit3_small_patch16_224", {**VIT, "embed_dim": w}) for w in (8, 16)], 32, None),
    "swin": (
        [
            ("swin_tiny_patch4_window7_224", {**SWIN, "embed_dim": width, "depths": depths})
            for width, depths in ((8, (2, 2)), (16, (2, 4)), (24, (2, 4)))
        ],
        32,
        None,
    ),
    "resnet": ([("resnet18", NARROW), ("resnet50", NARROW)], 64, [1, 2]),
    "resnet-swin": (
        [
            ("resnet18", {}),
            (
                "swin_tiny_patch4_window7_224",
                {"img_size": 64, "window_size": 2, "embed_dim": 16, "num_heads": (1, 2, 4, 8)},
            ),
        ],
        64,
        [1, 2],
    ),
    "efficientnet": (  # at a size that its strides do not divide
        [("tf_efficientnet_lite0", {}), ("tf_efficientnet_lite1", {})],
        72,
        [2, 3, 4, 5],
    ),
    "convnext": (
        [
            ("convnext_atto", {"depths": (2, 2, 3, 2), "dims": (8, 16, 24, 32)}),
            ("convnextv2_atto", {"depths": (2, 2, 4, 2), "dims": (12, 16, 32, 40)}),
        ],
        64,
        None,
    ),
    "levit": (
        [
            ("levit_128s", {**LEVIT, "embed_dim": (32, 48, 64)}),
            ("levit_192", {**LEVIT, "embed_dim": (48, 64, 96)}),
        ],
        96,
        [0, 1],
    ),
}


def family(name: str, direction: str = "fast_to_slow", classes: int = 10):
    """The stitched network of a family."""
    anchors, shape, stages = family_anchors(name, classes)
    return stitch(anchors, shape, direction=direction, stages=stages)


def family_anchors(name: str, classes: int = 10):
    """The anchors of a family, the shape of its images, and the stages that hold stitches."""
    networks, size, stages = FAMILIES[name]
    torch.manual_seed(0)
    anchors = [
        create_anchor(AnchorSpec(f"{name}-{n}", architecture, {**options, "num_classes": classes}))
        for n, (architecture, options) in enumerate(networks)
    ]
    return anchors, (3, size, size), stages


def on_meta(names, **options):
    with torch.device("meta"):
        anchors = [adapt(timm.create_model(name)) for name in names]
        return stitch(anchors, (3, 224, 224), **options)


def images_for(network, count: int = 24) -> InMemory:
    """So many random images for a network, of which six are tested, too."""
    draws = torch.Generator().manual_seed(0)
    images = torch.rand(count, *network.image_shape, generator=draws)
    labels = torch.arange(count) % 10
    return InMemory(images, labels, images[:6], labels[:6], 10, 0.5, 0.3)
