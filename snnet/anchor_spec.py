"""What an anchor is, and where its weights come from. Torch-free."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from snnet.recipe import Recipe


@dataclass(frozen=True)
class AnchorSpec:
    """One network: an architecture with its options, and how it gets its weights.

    Attributes:
        architecture: of timm, or `transformers:PLACE` (see `snnet.text_models`).
        options: for `timm.create_model`, or fields of transformers' configuration.
        start: what `recipe` begins with: any of the other words and places of `weights`.
        weights: `recipe` (trained here, by `recipe`), `pretrained` (timm downloads them),
            `random`, the path of a safetensors or pth file, or `package:NAME`, an installed
            Python package that holds such a file.
        head: tells what `whole` inputs are, or each of the `positions` of an image (see
            `snnet.anchors.dense`).
    """

    name: str
    architecture: str
    options: Mapping[str, Any] = field(default_factory=dict)
    weights: str = "recipe"
    recipe: Recipe = Recipe()
    start: str = "random"
    head: Literal["whole", "positions"] = "whole"

    def __post_init__(self) -> None:
        if self.start == "recipe":
            raise ValueError(f"anchor {self.name}: start is what its recipe begins with")
        if not re.fullmatch(r"[^/\s\0]{1,100}", self.name):
            raise ValueError(
                f"the name {self.name[:100]!r} should be one word of at most 100 characters "
                "without a slash: files are called by it"
            )
