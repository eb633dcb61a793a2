"""Where an anchor's weights lie, by what its settings say."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from pathlib import Path

from snnet.anchor_spec import AnchorSpec
from snnet.errors import CheckpointError
from snnet.packaged import PREFIX, packaged_weights

OWN_WORDS = ("recipe", "pretrained", "random")
# of a folder's weights the first that is there, as timm chooses them
LOCAL_FILES = (
    *("model.safetensors", "pytorch_model.bin", "pytorch_model.pth", "model.pth"),
    *("*.safetensors", "*.pth", "*.pth.tar", "*.bin"),
)


def who(spec: AnchorSpec) -> str:
    """An anchor with its architecture, to begin a sentence with."""
    return f"anchor {spec.name} ({spec.architecture})"


def nearest(word: str, known: Iterable[str], otherwise: str) -> str:
    """A hint to end a sentence with: the known word nearest to `word`, or something else."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean {close[0]}?" if close else otherwise


def local_weights(spec: AnchorSpec, folder: Path) -> Path:
    """The file of weights in a model's folder.

    Raises:
        CheckpointError: there is none.
    """
    found = [file for pattern in LOCAL_FILES for file in sorted(folder.glob(pattern))]
    if not found:
        raise CheckpointError(f"{who(spec)}: {folder} holds no {LOCAL_FILES[0]} or other weights")
    return found[0]


def named_weights(spec: AnchorSpec) -> Path | None:
    """The file that an anchor's weights name, or that the package they name holds; else None.

    Raises:
        CheckpointError: there is no such file or package.
    """
    if spec.weights in OWN_WORDS:
        return None
    if spec.weights.startswith(PREFIX):
        try:
            return packaged_weights(spec.weights.removeprefix(PREFIX))
        except CheckpointError as error:
            raise CheckpointError(f"anchor {spec.name}: {error}") from None
    path = Path(os.path.expanduser(spec.weights))
    if not os.path.exists(path):  # also where its folder may not be looked into
        words = ", ".join(map(repr, OWN_WORDS))
        hint = nearest(
            spec.weights,
            OWN_WORDS,
            f"weights are {words}, {PREFIX}NAME or the path of a safetensors or pth file",
        )
        raise CheckpointError(f"anchor {spec.name}: there is no file {path}; {hint}")
    return path
