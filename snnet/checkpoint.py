"""A training on disk: one safetensors file, its plain values as JSON in the file's metadata."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from snnet.errors import CheckpointError
from snnet.network import StitchedNetwork
from snnet.run import ADAPTERS, CHECKPOINT, IMAGE_SHAPE, MODEL, ROUTES
from snnet.training import Training
from snnet.weights import load_strictly

CHECKPOINT_SECONDS = 10.0  # between checkpoints, at least
CHECKPOINT_SHARE = 0.02  # of the time may go into writing them


class CheckpointClock:
    """Tells when the next checkpoint is due: rarely enough that writing costs little."""

    def __init__(self) -> None:
        self._next = time.monotonic() + CHECKPOINT_SECONDS

    @property
    def due(self) -> bool:
        """Whether it is time."""
        return time.monotonic() >= self._next

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Inside, a checkpoint is written; how long that takes sets when the next is due."""
        start = time.monotonic()
        yield
        now = time.monotonic()
        self._next = now + max(CHECKPOINT_SECONDS, (now - start) / CHECKPOINT_SHARE)


def save_training(
    training: Training, values: tuple[dict[str, Tensor], dict[str, Any]], path: Path
) -> None:
    """Write what `Training.state` gave, and the network, to `path`."""
    tensors, plain = values
    _save(
        {
            **{f"network.{name}": value for name, value in training.network.state_dict().items()},
            **{f"optimizer.{name}": value for name, value in tensors.items()},
        },
        {ROUTES: _routes(training.network), **plain},
        path,
    )


def resume_training(training: Training, path: Path) -> None:
    """Go on from what `save_training` wrote.

    Raises:
        CheckpointError: the file is damaged, or of another network.
    """
    tensors, plain = read_tensors(path)
    parts: dict[str, dict[str, Tensor]] = {"network": {}, "optimizer": {}}
    for name, tensor in tensors.items():
        part, _, rest = name.partition(".")
        parts[part][rest] = tensor
    load_strictly(training.network, parts["network"], path)
    training.resume(parts["optimizer"], plain)


def save_network(network: StitchedNetwork, values: dict[str, Any], path: Path) -> None:
    """Write a trained network, with its images' shape, its adapters and other plain values."""
    adapters = [type(anchor).__name__ for anchor in network.anchors]
    own = {IMAGE_SHAPE: network.image_shape, ADAPTERS: adapters, ROUTES: _routes(network)}
    _save(network.state_dict(), {**own, **values}, path)


def _routes(network: StitchedNetwork) -> list[str]:
    return [route.name for route in network.space.routes]


def load_network(network: StitchedNetwork, path: Path) -> dict[str, Any]:
    """Read what `save_network` wrote; returns the plain values.

    Raises:
        CheckpointError: the file is missing, damaged, or of another network.
    """
    tensors, plain = read_tensors(path)
    load_strictly(network, tensors, path)
    return plain


def trained_routes(directory: Path) -> list[str] | None:
    """The names of the routes that an earlier attempt at a run trained; None without such.

    Raises:
        CheckpointError: its file is damaged.
    """
    files = [directory / name for name in (MODEL, CHECKPOINT) if (directory / name).exists()]
    routes: list[str] | None = read_metadata(files[0]).get(ROUTES) if files else None
    return routes


def _save(tensors: dict[str, Tensor], values: dict[str, Any], path: Path) -> None:
    contiguous = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    save_file(contiguous, path, {name: json.dumps(value) for name, value in values.items()})


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and metadata (decoded JSON) of a safetensors file.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    with _opened(path) as file:
        tensors = {name: file.get_tensor(name) for name in list(file.keys())}
    return tensors, read_metadata(path)


def read_metadata(path: Path) -> dict[str, Any]:
    """Metadata (decoded JSON) of a safetensors file.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    with _opened(path) as file:
        return {name: json.loads(text) for name, text in (file.metadata() or {}).items()}


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A safetensors file to read.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    try:
        with safe_open(path, "pt") as file:
            yield file
    except FileNotFoundError:
        raise CheckpointError(f"there is no file {path}") from None
    except (SafetensorError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{path} is damaged ({error}); delete it to start anew") from None
