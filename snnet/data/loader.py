"""Images read, transformed and put into batches.

Each image's augmentation depends on its position in the epoch alone, so neither resuming nor the
number of worker processes changes it.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from itertools import islice
from typing import Any

import numpy as np
import torch
from PIL.Image import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, get_worker_info

from ablations.machine import count_cpus
from snnet.data.dataset import Batches
from snnet.data.decoding import in_mode
from snnet.errors import first_line
from snnet.seeding import generator

MOST_WORKERS = 16  # each holds memory; with more, whoever collects their batches is the slow one
Item = tuple[int, int]  # position in the epoch, index in the dataset


class Seeded(Dataset[tuple[Tensor, int]]):
    """A dataset whose items draw from generators of their own position in the epoch."""

    def __init__(
        self, dataset: Any, transform: Any, mode: str, purpose: tuple[object, ...]
    ) -> None:
        self.dataset, self.transform, self.mode, self.purpose = dataset, transform, mode, purpose
        # timm would put another image where one cannot be read
        dataset._max_retries = 1

    def __getitem__(self, item: Item) -> tuple[Tensor, int]:
        """The transformed image (C, H, W) of an item, and its label.

        Raises:
            ValueError: the image cannot be read; names its file.
        """
        position, index = item
        try:
            image, label = self.dataset[index]
            image = in_mode(image, self.mode)
        except Exception as error:  # whatever the many decoders raise
            name = _name(self.dataset, index)
            raise ValueError(
                f"image {name} cannot be read ({first_line(error)}); mend or remove it"
            ) from None
        return _transform(image, self.transform, *self.purpose, position), label


def _name(dataset: Any, index: int) -> str:
    """The path of an image, or its number where it lies in no file of its own."""
    try:
        return str(dataset.filename(index, absolute=True))
    except (AttributeError, NotImplementedError):
        return f"{index} of the dataset"


def _transform(image: Image, transform: Any, *purpose: object) -> Tensor:
    """Apply timm's transforms, which draw from three global generators, as the purpose says."""
    with nullcontext() if get_worker_info() else _unchanged_generators():
        seed = generator("image", *purpose).initial_seed()
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.default_generator.manual_seed(seed)  # torch.manual_seed is slow without a GPU
        return transform(image)


@contextmanager
def _unchanged_generators() -> Iterator[None]:
    """Global generators go on as before: but in processes that only load, others draw from them."""
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.set_rng_state(before[2])


def loader_workers() -> int:
    """Processes that load images: $SNNET_WORKERS, or one a CPU but one, at most sixteen.

    Processes that share a run on this machine share its CPUs, too.
    """
    here = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    own = max(0, min(MOST_WORKERS, count_cpus() // here - 1))
    return int(os.environ.get("SNNET_WORKERS", own))


def load(dataset: Seeded, chosen: list[list[Item]]) -> Batches:
    """Batches of the chosen items, made by worker processes where there are any."""
    yield from DataLoader(
        dataset,
        batch_sampler=chosen,
        num_workers=min(loader_workers(), len(chosen)),
        pin_memory=torch.cuda.is_available(),
    )


def cut(items: list[Item], size: int) -> list[list[Item]]:
    """Items in batches of `size`, the last of them maybe smaller."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def stream(
    dataset: Any, transform: Any, mode: str, purpose: tuple[object, ...]
) -> Iterator[tuple[Tensor, int]]:
    """Images (C, H, W) and labels of a streamed set without end, in the order of its purpose."""
    dataset.set_epoch(generator("order", *purpose).initial_seed() % 2**20)
    position = 0
    while True:
        for image, label in dataset:
            yield _transform(in_mode(image, mode), transform, *purpose, position), label
            position += 1


def collect(items: Iterator[tuple[Tensor, int]], size: int, last: bool = False) -> Batches:
    """Batches of `size`; the incomplete one at the end only where `last`."""
    while held := list(islice(items, size)):
        if len(held) < size and not last:
            return
        yield torch.stack([image for image, _ in held]), torch.tensor([label for _, label in held])
