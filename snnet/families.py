"""Architectures in outline: what anchors would cost and whether they fit, without any weights."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch

from snnet.anchor_spec import AnchorSpec
from snnet.anchors import Anchor, create_anchor
from snnet.config import StitchingConfig
from snnet.costs import dissect_all
from snnet.data.preprocessing import common_input
from snnet.depths import ENCODER
from snnet.inputs import Tokens
from snnet.models import check_name
from snnet.text_models import CONFIG, is_text_model

OLD_FOLDER = "0_Transformer"  # of sentence-transformers before version 2


def spec_of(name: str) -> AnchorSpec:
    """An anchor of a name: an architecture of timm, or an encoder of texts.

    Arguments:
        name: of timm's; `transformers:PLACE` (see `snnet.text_models`); or a folder with a
            config.json of transformers, as sentence-transformers writes it, too.
    """
    place = Path(os.path.expanduser(name.removeprefix(ENCODER)))
    inside = next((one for one in (place, place / OLD_FOLDER) if (one / CONFIG).is_file()), None)
    if inside is not None:
        return AnchorSpec(_word(place.resolve().name), f"{ENCODER}{inside}", weights="random")
    return AnchorSpec(_word(name.removeprefix(ENCODER)), name, weights="random")


def _word(text: str) -> str:
    """A name without what names of files cannot have."""
    return re.sub(r"[/\s]+", "-", text)[-100:] or "anchor"


def outline(name: str, image_size: int | None = None) -> Anchor:
    """The anchor of a name (see `spec_of`) on the meta device: shapes, no weights, in no time.

    Arguments:
        image_size: height and width in pixels; the model's own by default.

    Raises:
        ValueError: timm does not know the architecture, its tag or the image size, there is
            no adapter for it, or an encoder is nowhere.
    """
    spec = spec_of(name)
    if is_text_model(spec):
        with torch.device("meta"):
            return create_anchor(spec)
    check_name(spec.architecture)
    with torch.device("meta"):
        anchor = create_anchor(spec)
        # convolutional models take any size, and no such option
        if image_size is not None and origin_of(anchor).get("fixed_input_size"):
            anchor = create_anchor(spec, img_size=image_size)
    return anchor


def common_image_shape(
    anchors: Sequence[Anchor], image_size: int | None = None, tokens: int = StitchingConfig.tokens
) -> tuple[int, ...]:
    """(channels, height, width) of the images that all `anchors` take, or (tokens,) of texts.

    Raises:
        ValueError: they take images of different sizes, and none was chosen.
    """
    if isinstance(anchors[0].inputs, Tokens):
        return (tokens,)
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
