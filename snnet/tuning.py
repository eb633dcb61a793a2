"""What of the anchors is trained along with the stitching layers."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn


def tune(anchors: nn.Module, tuning: str) -> None:
    """Let training change what `tuning` says of `anchors`, and nothing else of them."""
    anchors.requires_grad_(tuning == "full")
    for parameter in _chosen(anchors, tuning):
        parameter.requires_grad_(True)


def _chosen(anchors: nn.Module, tuning: str) -> Iterator[nn.Parameter]:
    """The few parameters of the anchors that `norms` and `biases` train."""
    for module in anchors.modules():
        for name, parameter in module.named_parameters(recurse=False):
            norm = "norm" in type(module).__name__.lower()
            if (tuning == "norms" and norm) or (tuning == "biases" and name == "bias"):
                yield parameter
