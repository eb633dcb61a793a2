"""Fashion-MNIST in memory."""

from __future__ import annotations

from pathlib import Path

import torch
from filelock import FileLock

from snnet.data.idx import SETS, find_fashion, images_file, labels_file, missing_fashion, read_idx
from snnet.data.locations import data_root
from snnet.data.memory import InMemory
from snnet.data.sizes import IN_MEMORY
from snnet.errors import first_line
from snnet.seeding import generator

CLASSES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
MEAN, DEVIATION = 0.2860 * 255, 0.3530 * 255  # of the 60,000 training images


def load_fashion(seed: int) -> InMemory:
    """Fashion-MNIST (Xiao et al. 2017): 28x28 px, 54,000 to train, 10,000 to test.

    6,000 of the training images, drawn by `seed`, are held back for choosing. Read from IDX files,
    or downloaded by torchvision into $SNNET_DATA.

    Raises:
        MissingDataError: no files, and no download.
    """
    return _read(find_fashion() or _download(), seed)


def _download() -> Path:
    """Have torchvision fetch the files, once however many workers ask; returns their folder."""
    from torchvision.datasets import FashionMNIST

    root = data_root()
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / "FashionMNIST.lock"):
            FashionMNIST(str(root), download=True)
    except Exception as error:
        raise missing_fashion(first_line(error)) from None
    found = find_fashion()
    if found is None:
        raise missing_fashion("it left no files")
    return found


def _read(folder: Path, seed: int) -> InMemory:
    (images, labels), test = (
        (
            torch.from_numpy(read_idx(images_file(folder, name))).unsqueeze(1),
            torch.from_numpy(read_idx(labels_file(folder, name))).long(),
        )
        for name in SETS
    )
    sizes = IN_MEMORY["fashion"]
    order = torch.randperm(len(labels), generator=generator("held back", seed))
    train, held_back = (part.sort().values for part in order.split([sizes.train, sizes.held_back]))
    return InMemory(
        images[train],
        labels[train],
        *test,
        torch.arange(sizes.test),
        classes=sizes.classes,
        mean=MEAN,
        deviation=DEVIATION,
        validation=(images[held_back], labels[held_back]),
    )
