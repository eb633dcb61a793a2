"""Names that other implementations give the weights of a network, put into those of timm.

A rule tells the other name of each of the network's modules, so that nothing is matched by its
place in a file; what no rule names is refused as unknown when the weights are loaded.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from timm.models.efficientnet import EfficientNet
from torch import nn

from snnet.weight_files import Tensors

# what blocks, and the modules outside of them, are called there, and here; by whether a block of
# timm's widens its features first
_EXPANDING = {
    **{"_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2"},
    **{"_se_reduce": "se.conv_reduce", "_se_expand": "se.conv_expand"},
    **{"_project_conv": "conv_pwl", "_bn2": "bn3"},
}
_PLAIN = {
    **{"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"},
    **{"_se_reduce": "se.conv_reduce", "_se_expand": "se.conv_expand"},
}
_OUTSIDE = {
    **{"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"},
    "_fc": "classifier",
}


def _efficientnet(model: EfficientNet) -> dict[str, str]:
    """Modules of timm's EfficientNet by what efficientnet-pytorch (also its Lite) calls them."""
    names = dict(_OUTSIDE)
    blocks = [name for name, _ in model.named_modules() if re.fullmatch(r"blocks\.\d+\.\d+", name)]
    for number, block in enumerate(blocks):
        parts = _EXPANDING if hasattr(model.get_submodule(block), "conv_pwl") else _PLAIN
        names |= {f"_blocks.{number}.{there}": f"{block}.{here}" for there, here in parts.items()}
    return names


# by class of the network, and a tensor by which weights under other names are known
RULES: dict[tuple[type[nn.Module], str], Callable[..., dict[str, str]]] = {
    (EfficientNet, "_conv_stem.weight"): _efficientnet,
}


def rename(model: nn.Module, tensors: Tensors) -> Tensors:
    """Tensors under the network's own names, where a rule knows the ones that they have.

    What the rule does not know keeps its name.
    """
    for (kind, mark), rule in RULES.items():
        if isinstance(model, kind) and mark in tensors:
            modules = rule(model)
            parts = [(*name.rpartition("."), tensor) for name, tensor in tensors.items()]
            return {
                f"{modules.get(module, module)}{dot}{own}": tensor
                for module, dot, own, tensor in parts
            }
    return dict(tensors)
