"""What figures call settings, levels, anchors and large numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence

# parts of names that are written otherwise
WORDS = {
    "kl": "KL",
    "cka": "CKA",
    "relu": "ReLU",
    "conv3x3": "3\N{MULTIPLICATION SIGN}3 convolution",
    "kaiming": "Kaiming",
    "init": "initialisation",
}
FAMILIES = {
    "deit": "DeiT",
    "swin": "Swin",
    "levit": "LeViT",
    "resnet": "ResNet",
    "minilm": "MiniLM",
}
SIZES = {"tiny": "Ti", "small": "S", "base": "B"}  # as the SN-Net paper has them
BUILD = re.compile(r"_(patch|window)\d.*")  # of timm's names: what sizes of one family share


def plain(name: str) -> str:
    """A name of a setting or a level: `least squares` for `least_squares`."""
    return " ".join(WORDS.get(word, word) for word in name.replace("_", " ").split(" "))


def anchor_name(name: str) -> str:
    """A name of an anchor as papers have it: `DeiT-Ti` for `deit_tiny_patch16_224`.

    Those of other families stay as they are.
    """
    first, *others = re.split(r"[-_]", BUILD.sub("", name))
    letters = first.rstrip("0123456789")
    if letters not in FAMILIES:
        return name
    number = first.removeprefix(letters)
    rest = [SIZES.get(one, one.capitalize()) for one in others]
    return "-".join([FAMILIES[letters], *([number] if number else []), *rest])


def named(anchors: str, names: Sequence[str]) -> str:
    """The anchors of a route by name: `vit-6 to vit-10` for `0-1`.

    Arguments:
        names: of all anchors, as settings have them.
    """
    numbers = [int(one) for one in anchors.split("-")]
    known = [anchor_name(names[one]) if one < len(names) else f"anchor {one}" for one in numbers]
    return " to ".join(known)


def short(count: float) -> str:
    """A number of parameters in a few letters: 850, 12k, 3.1M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.3g}{letter}"
    return f"{count:.0f}"
