"""Stitchable Neural Networks (SN-Net, CVPR 2023): the method.

    network = snnet.load("outputs/runs/KEY")   # a trained result, see `snnet.loading`
    network.select(macs=5e9)
    logits = network(images)

Torch-free modules (fast to import): `config`, `scales`, `routes`, `space`, `run`, `front`, `files`,
`errors`, and of `data` `sizes`, `locations`, `folder` and `idx`. The rest needs torch and timm;
`load` and `TrainedNetwork` are imported when they are asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snnet.loading import TrainedNetwork, load

__all__ = ["TrainedNetwork", "load"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from snnet import loading

    return getattr(loading, name)
