"""What of the anchors is trained along with the stitching layers.

With `low_rank` each linear layer and 1x1 convolution in the anchors' blocks learns an update of its
weight, which stays frozen itself (LoRA, arXiv 2106.09685, section 4.1). While training goes on the
updates are parametrizations of PyTorch, so that whoever reads a weight gets the updated one; they
are merged into it when training ends.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from snnet.anchors import Anchor
from snnet.config import StitchingConfig
from snnet.layers import Update
from snnet.network import StitchedNetwork
from snnet.seeding import generator


class WeightUpdate(Update):
    """What is added to a weight (C_out, C_in) or (C_out, C_in, 1, 1): alpha / rank B A."""

    def __init__(self, weight: Tensor, rank: int, alpha: float, draws: torch.Generator) -> None:
        back, front = weight.shape[:2]
        super().__init__((front, back), rank, draws)
        self.scale = alpha / rank
        self.to(weight)

    def forward(self, weight: Tensor) -> Tensor:
        """The updated weight."""
        return weight + self.scale * (self.up @ self.down).view_as(weight)


def tune(network: StitchedNetwork, config: StitchingConfig) -> None:
    """Let training change what `config.tuning` says of the anchors, and nothing else of them.

    Updates that an earlier training left are merged first.

    Raises:
        ValueError: low rank, and an anchor has no weights that it could update.
    """
    merge_updates(network.anchors)
    network.anchors.requires_grad_(config.tuning == "full")
    for parameter in _chosen(network.anchors, config.tuning):
        parameter.requires_grad_(True)
    if config.tuning == "low_rank":
        draws = generator("updates", config.seed)
        for module in _updated(network):
            update = WeightUpdate(module.weight, config.tuning_rank, config.tuning_alpha, draws)
            parametrize.register_parametrization(module, "weight", update)


def merge_updates(anchors: nn.Module) -> None:
    """Add what `low_rank` trained to the weights, and leave no trace of it."""
    for module in list(anchors.modules()):
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight")


def check_tuning(network: StitchedNetwork, tuning: str) -> None:
    """Refuse anchors of which `tuning` would train nothing.

    Raises:
        ValueError: low rank, and an anchor has no weights that it could update.
    """
    if tuning == "low_rank":
        _updated(network)


def _chosen(anchors: nn.Module, tuning: str) -> Iterator[nn.Parameter]:
    """The few parameters of the anchors that `norms` and `biases` train."""
    for module in anchors.modules():
        for name, parameter in module.named_parameters(recurse=False):
            norm = "norm" in type(module).__name__.lower()
            if (tuning == "norms" and norm) or (tuning == "biases" and name == "bias"):
                yield parameter


def _updated(network: StitchedNetwork) -> list[nn.Linear | nn.Conv2d]:
    """The modules of all anchors that low-rank updates change."""
    found: list[nn.Linear | nn.Conv2d] = []
    for number, name in enumerate(network.names):
        own = _linear_maps(network.anchor(number))
        if not own:
            raise ValueError(
                f"anchor {number} ({name}) has neither linear layers nor 1x1 convolutions in its "
                "blocks, which tuning low_rank updates; set tuning to full"
            )
        found += own
    return found


def _linear_maps(anchor: Anchor) -> list[nn.Linear | nn.Conv2d]:
    """The linear layers and 1x1 convolutions of an anchor's blocks, each once."""
    modules = dict.fromkeys(module for block in anchor.blocks for module in block.modules())
    return [
        module
        for module in modules
        if isinstance(module, nn.Linear)
        or (isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1) and module.groups == 1)
    ]
