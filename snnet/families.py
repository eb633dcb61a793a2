"""Architectures in outline: what anchors would cost and whether they fit, without any weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch

from snnet.anchors import Anchor, create_anchor
from snnet.config import AnchorSpec
from snnet.costs import dissect_all
from snnet.data.preprocessing import common_input
from snnet.models import check_name


def outline(architecture: str, image_size: int | None = None) -> Anchor:
    """The anchor of a timm architecture on the meta device: shapes, no weights, in no time.

    Arguments:
        image_size: height and width in pixels; the model's own by default.

    Raises:
        ValueError: timm does not know the architecture, its tag or the image size, or there is
            no adapter for it.
    """
    check_name(architecture)
    spec = AnchorSpec(architecture, architecture, weights="random")
    with torch.device("meta"):
        anchor = create_anchor(spec)
        # convolutional models take any size, and no such option
        if image_size is not None and origin_of(anchor).get("fixed_input_size"):
            anchor = create_anchor(spec, img_size=image_size)
    return anchor


def common_image_shape(
    anchors: Sequence[Anchor], image_size: int | None = None
) -> tuple[int, int, int]:
    """(channels, height, width) of the images that all `anchors` take.

    Raises:
        ValueError: they take images of different sizes, and none was chosen.
    """
    models = [anchor.model for anchor in anchors]
    if image_size is None:
        return common_input(models)
    return (origin_of(anchors[0])["input_size"][0], image_size, image_size)


def order_by_macs(anchors: Sequence[Anchor], image_shape: tuple[int, ...]) -> list[int]:
    """Indices of `anchors` from fast to slow.

    Raises:
        ValueError: one of them cannot take images of that shape.
    """
    macs = [
        anatomy.stem_macs + sum(anatomy.block_macs) + anatomy.head_macs
        for anatomy in dissect_all(anchors, image_shape)
    ]
    return sorted(range(len(anchors)), key=macs.__getitem__)


def origin_of(anchor: Anchor) -> dict[str, Any]:
    """Facts that timm holds about the weights that the architecture usually gets."""
    return cast(dict[str, Any], anchor.model.pretrained_cfg)
