"""Costs of anchors and routes: multiply-accumulates and parameters.

The count is the field's: matrix products and convolutions one multiply-accumulate (MAC) per
multiply-add; a layer norm with weights five per element, a batch norm in eval mode two, adaptive
average pooling one per input element; activations, softmax and additions nothing. The pass that
counts an anchor's MACs also tells the shapes of its features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from snnet.anchors import Anchor
from snnet.errors import first_line
from snnet.features import Features, values_of
from snnet.layers import StitchingLayer
from snnet.routes import Route


@dataclass(frozen=True)
class Anatomy:
    """MACs (one input) and parameters of an anchor part by part, and its features' shapes."""

    stem_macs: int
    block_macs: tuple[int, ...]
    head_macs: int
    stem_params: int
    block_params: tuple[int, ...]
    head_params: int
    shapes: tuple[tuple[int, ...], ...]  # without batch: entering block 0, 1, ..., leaving the last
    classes: int


def dissect(anchor: Anchor, image_shape: tuple[int, ...]) -> Anatomy:
    """Run an anchor once, in eval mode, on one empty input of that shape, without the batch.

    Works on the meta device too, where nothing is computed.
    """
    training = anchor.training
    anchor.eval()
    example = anchor.inputs.example(image_shape, 1, next(anchor.parameters()))
    stem_macs, features = count_macs(anchor.stem, example)
    block_macs, shapes = [], [_shape(features)]
    for block in anchor.blocks:
        macs, features = count_macs(block, features)
        block_macs.append(macs)
        shapes.append(_shape(features))
    head_macs, logits = count_macs(anchor.head, features)
    anchor.train(training)
    block_params = tuple(count_params(block) for block in anchor.blocks)
    head_params = count_params(*anchor.head_modules)
    return Anatomy(
        stem_macs,
        tuple(block_macs),
        head_macs,
        count_params(anchor) - sum(block_params) - head_params,
        block_params,
        head_params,
        tuple(shapes),
        logits.shape[1],
    )


def _shape(features: Features) -> tuple[int, ...]:
    return tuple(values_of(features).shape[1:])


def dissect_all(anchors: Sequence[Anchor], image_shape: tuple[int, ...]) -> tuple[Anatomy, ...]:
    """`dissect` each of the anchors.

    Raises:
        ValueError: one of them cannot take inputs of that shape, or others than the first; says
            which and why.
    """
    kind = anchors[0].inputs
    kind.check_shape(image_shape)
    found = []
    for number, anchor in enumerate(anchors):
        if anchor.inputs != kind:
            raise ValueError(f"anchor {number} takes {anchor.inputs}, the first one {kind}")
        try:
            found.append(dissect(anchor, image_shape))
        except (RuntimeError, AssertionError, IndexError) as error:
            raise ValueError(
                f"anchor {number} ({type(anchor.model).__name__}) cannot take {kind.name} of "
                f"{'x'.join(map(str, image_shape))}: {first_line(error)}"
            ) from error
    return tuple(found)


def route_cost(
    route: Route,
    depths: tuple[int, ...],
    anatomies: Sequence[Anatomy],
    layers: Sequence[StitchingLayer],
) -> tuple[int, int]:
    """MACs per image, and parameters, of one route.

    Arguments:
        depths: the number of blocks of every anchor.
        layers: the stitching layers of the route's joints, in order.
    """
    segments = route.segments(depths)
    first, last = anatomies[segments[0].anchor], anatomies[segments[-1].anchor]
    blocks = [(one.anchor, n) for one in segments for n in range(one.start, one.stop)]
    macs = first.stem_macs + last.head_macs
    macs += sum(anatomies[anchor].block_macs[n] for anchor, n in blocks)
    macs += sum(layer.macs for layer in layers)
    # what is met twice is stored once
    params = first.stem_params + last.head_params + sum(one.params for one in set(layers))
    params += sum(anatomies[anchor].block_params[n] for anchor, n in set(blocks))
    return macs, params


def trained_parts(anchor: Anchor) -> dict[tuple[str, int], int]:
    """Parameters that training changes, of an anchor's stem, blocks and head: ("block", 3)."""

    def count(module: nn.Module) -> int:
        return sum(p.numel() for p in module.parameters() if p.requires_grad)

    parts = {("block", n): count(block) for n, block in enumerate(anchor.blocks)}
    parts["head", 0] = sum(count(module) for module in anchor.head_modules)
    return {("stem", 0): count(anchor) - sum(parts.values()), **parts}


def count_macs(function: Callable[[Any], Any], features: Features) -> tuple[int, Any]:
    """Multiply-accumulates of one call, and what it returns."""
    counter = FlopCounterMode(display=False, custom_mapping=_NORMS)
    with counter, _pooling() as pooled, torch.no_grad():
        output = function(features)
    return counter.get_total_flops() // 2 + sum(pooled), output


def count_params(*modules: nn.Module) -> int:
    """Number of parameters of all modules together."""
    return sum(p.numel() for module in modules for p in module.parameters())


# FlopCounterMode counts two per multiply-accumulate
def _layer_norm_flops(*_: Any, out_shape: Any, **__: Any) -> int:
    return 2 * 5 * prod(out_shape[0])


def _batch_norm_flops(features: Any, *_: Any, **__: Any) -> int:
    return 2 * 2 * prod(features)


_aten = torch.ops.aten
_NORMS = {
    _aten.native_layer_norm: _layer_norm_flops,
    _aten.native_batch_norm: _batch_norm_flops,
    _aten.cudnn_batch_norm: _batch_norm_flops,
    _aten.miopen_batch_norm: _batch_norm_flops,
    _aten._native_batch_norm_legit_no_training: _batch_norm_flops,
}


@contextmanager
def _pooling() -> Iterator[list[int]]:
    """Collects the input sizes of adaptive average pools, which reach the counter as means."""
    sizes: list[int] = []

    def note(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if isinstance(module, nn.AdaptiveAvgPool2d):
            sizes.append(inputs[0].numel())

    handle = nn.modules.module.register_module_forward_pre_hook(note)
    try:
        yield sizes
    finally:
        handle.remove()
