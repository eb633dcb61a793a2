"""Anchors: networks seen as stem -> blocks -> head, a file a family.

Another family joins by one more file whose class is registered with `adapt`, and a line here.
"""

from __future__ import annotations

from snnet.anchor_spec import AnchorSpec
from snnet.anchors.base import Anchor, Layout, adapt, channels_last, stage_blocks
from snnet.anchors.bert import BertAnchor
from snnet.anchors.convnext import ConvNeXtAnchor
from snnet.anchors.dense import DenseAnchor
from snnet.anchors.efficientnet import EfficientNetAnchor
from snnet.anchors.levit import LevitAnchor
from snnet.anchors.resnet import ResNetAnchor
from snnet.anchors.swin import SwinTransformerAnchor
from snnet.anchors.vit import VisionTransformerAnchor
from snnet.models import create_model, silent
from snnet.weights import Say

__all__ = [
    "Anchor",
    "BertAnchor",
    "ConvNeXtAnchor",
    "DenseAnchor",
    "EfficientNetAnchor",
    "Layout",
    "LevitAnchor",
    "ResNetAnchor",
    "SwinTransformerAnchor",
    "VisionTransformerAnchor",
    "adapt",
    "channels_last",
    "create_anchor",
    "stage_blocks",
]


def create_anchor(
    spec: AnchorSpec, say: Say = silent, new_head: bool = True, **options: object
) -> Anchor:
    """The anchor that `spec` describes; see `snnet.models.create_model` for arguments and errors.

    Raises:
        ValueError: also where there is no adapter for the architecture.
    """
    model = create_model(spec, say, new_head, **options)
    try:
        anchor = adapt(model)
        return DenseAnchor(anchor) if spec.head == "positions" else anchor
    except (TypeError, ValueError) as error:
        raise ValueError(f"anchor {spec.name} ({spec.architecture}): {error}") from error
