"""Stitchable Neural Networks (SN-Net, CVPR 2023): the method.

    network = snnet.load("outputs/runs/KEY")   # a trained result, see `snnet.trained`
    network.select(macs=5e9)
    logits = network(network.preprocess("cat.jpg"))

    network = snnet.stitch(["resnet18", "resnet50"], stages=[1, 2])   # see `snnet.stitching`
    network.initialise(images)

Torch-free modules (fast to import): `config`, `pieces`, `scales`, `routes`, `space`, `run`,
`front`, `files`, `errors`, `wording`, and of `data` `sizes`, `locations`, `folder` and `idx`. The
rest needs torch and timm; `load`, `stitch` and their classes are imported when they are asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snnet.loading import load
    from snnet.network import StitchedNetwork
    from snnet.stitching import stitch
    from snnet.trained import TrainedNetwork

__all__ = ["StitchedNetwork", "TrainedNetwork", "load", "stitch"]
_HOMES = {
    "StitchedNetwork": "snnet.network",
    "TrainedNetwork": "snnet.trained",
    "load": "snnet.loading",
    "stitch": "snnet.stitching",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
