"""Stitching whatever timm has: models by name, as they are, or wrapped as anchors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from snnet import network
from snnet.anchors import Anchor, adapt, create_anchor
from snnet.families import common_image_shape, order_by_macs, origin_of, outline, spec_of
from snnet.inputs import Images
from snnet.layers import LayerChoice
from snnet.models import record_input
from snnet.network import StitchedNetwork
from snnet.text_models import bare_encoder, is_text_model


def stitch(
    models: Iterable[str | nn.Module],
    image_shape: Sequence[int] | None = None,
    *,
    pretrained: bool = False,
    kernel: int = 2,
    stride: int = 1,
    pairs: str = "nearest",
    direction: str = "fast_to_slow",
    stages: Sequence[int] | None = None,
    positions: str = "windows",
    returns: int = 0,
    layer: str = "linear",
    layer_rank: int = 16,
    layer_alpha: float = 1.0,
) -> StitchedNetwork:
    """Join models of one kind by stitching layers, which are not trained yet.

        network = snnet.stitch(["deit_tiny_patch16_224", "deit_small_patch16_224"], pretrained=True)
        network.initialise(images)    # least squares, on some normalised images (B, C, H, W)
        network.stitches              # routes and costs
        logits = network(images, 7)   # sub-network 7

    Arguments:
        models: two or more, in any order (the network has them from fast to slow): names of timm's,
            folders of transformers (see `snnet.families.spec_of`), models that timm made,
            BertModels of transformers, or anchors (`snnet.anchors.Anchor`).
        image_shape: (channels, height, width), or (tokens,); by default what the models take.
        pretrained: whether models that are named get their pretrained weights, else random ones.
        kernel, stride: the sliding window over the blocks.
        pairs: `nearest` joins neighbours in complexity, `all` also others and chains of three.
        direction: `fast_to_slow`, or `slow_to_fast`: which of two anchors a route begins in; `both`
            offers either.
        stages: that may hold stitches, from 0; by default all.
        positions: `windows`, `aligned` (at equal relative depth), or `every` pair of blocks.
        returns: how often a route may turn where `direction` is `both`; 0>1>0 turns once.
        layer, layer_rank, layer_alpha: of the stitching layers, see `snnet.layers.LayerChoice`.

    Raises:
        TypeError: a model is of a kind that has no adapter, or none at all.
        ValueError: a name is unknown, weights are not to be had, or the models do not fit together
            or into such images.
    """
    if isinstance(models, str | nn.Module | Tensor) or not isinstance(models, Iterable):
        raise TypeError(f"models are a list of two or more, not one {type(models).__name__}")
    given = list(models)
    if len(given) < 2:
        raise ValueError(f"stitching joins two models or more, and {len(given)} is given")
    shape = None if image_shape is None else _checked(image_shape)
    anchors = [_anchor(number, model, shape, pretrained) for number, model in enumerate(given)]
    shape = shape or common_image_shape(anchors)
    order = order_by_macs(anchors, shape)
    ordered = [anchors[number] for number in order]
    layers = LayerChoice(layer, layer_rank, layer_alpha)
    return network.stitch(
        ordered, shape, kernel, stride, pairs, direction, stages, positions, returns, layers
    )


def _checked(image_shape: Any) -> tuple[int, ...]:
    sizes = tuple(image_shape) if isinstance(image_shape, Iterable) else ()
    positive = all(isinstance(one, int) and one > 0 for one in sizes)
    if len(sizes) not in (1, 3) or not positive:
        raise ValueError(
            "images are (channels, height, width), such as (3, 224, 224), and texts (tokens,), not "
            f"{image_shape!r}"
        )
    return sizes


def _anchor(number: int, model: object, shape: tuple[int, ...] | None, pretrained: bool) -> Anchor:
    """One of the models as an anchor, made where it is a name."""
    if isinstance(model, str):
        return _named(model, shape, pretrained)
    if isinstance(model, Anchor):
        if isinstance(model.inputs, Images):
            record_input(model.model, {})
        return model
    if not isinstance(model, nn.Module):
        raise TypeError(
            f"model {number} is a {type(model).__name__}: give the name of a timm model, or a "
            "model that timm made"
        )
    if type(model).__name__ == "BertModel":  # of transformers, which need not be installed
        return adapt(bare_encoder(model))
    record_input(model, {})
    return adapt(model)


def _named(name: str, shape: tuple[int, ...] | None, pretrained: bool) -> Anchor:
    """The anchor of a name, for images of a shape where it takes images."""
    weights = "pretrained" if pretrained else "random"
    named = replace(spec_of(name), weights=weights)
    if is_text_model(named):
        return create_anchor(named)
    usual = origin_of(outline(name))
    options: dict[str, Any] = {}
    if shape is not None and len(shape) == 3:
        channels, *size = usual["input_size"]
        if shape[0] != channels:
            options["in_chans"] = shape[0]
        if usual.get("fixed_input_size") and list(shape[1:]) != size:
            options["img_size"] = shape[1:]
    return create_anchor(replace(named, options=options))
