"""Fashion-MNIST, read from its IDX files."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import torch

from snnet.data.locations import data_root, fashion_folders
from snnet.data.memory import InMemory
from snnet.data.sizes import IN_MEMORY
from snnet.errors import MissingDataError, first_line

MEAN, DEVIATION = 0.2860 * 255, 0.3530 * 255  # of the 60,000 training images


def load_fashion() -> InMemory:
    """Fashion-MNIST (Xiao et al. 2017): 28x28 px, 54,000 to train, 10,000 to test.

    The last 6,000 training images are held back for choosing settings. Read from IDX files, or
    downloaded by torchvision into $SNNET_DATA.

    Raises:
        MissingDataError: no files, and no download.
    """
    own, downloaded, debian = fashion_folders()
    for folder in (own, downloaded, debian):
        if (folder / "train-images-idx3-ubyte.gz").exists():
            return _read(folder)
    from torchvision.datasets import FashionMNIST

    try:
        FashionMNIST(str(data_root()), download=True)
    except Exception as error:
        raise MissingDataError(
            f"Fashion-MNIST is in none of {own}, {downloaded}, {debian}, and torchvision cannot "
            f"download it ({first_line(error)}); install Debian's package dataset-fashion-mnist, "
            f"or put its four .gz files into {own}"
        ) from None
    return _read(downloaded)


def _read(folder: Path) -> InMemory:
    (images, labels), test = (
        (
            torch.from_numpy(_read_idx(folder / f"{name}-images-idx3-ubyte.gz")).unsqueeze(1),
            torch.from_numpy(_read_idx(folder / f"{name}-labels-idx1-ubyte.gz")).long(),
        )
        for name in ("train", "t10k")
    )
    kept = IN_MEMORY["fashion"].train
    return InMemory(
        images[:kept],
        labels[:kept],
        *test,
        classes=10,
        mean=MEAN,
        deviation=DEVIATION,
        validation=(images[kept:], labels[kept:]),
    )


def _read_idx(path: Path) -> np.ndarray:
    """An array of bytes in the IDX format of MNIST: magic number, sizes, content."""
    try:
        content = gzip.decompress(path.read_bytes())
        dimensions = content[3]
        sizes = np.frombuffer(content, ">u4", count=dimensions, offset=4)
        return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(sizes).copy()
    except (OSError, EOFError, ValueError, IndexError) as error:
        raise MissingDataError(
            f"{path} is damaged or missing ({first_line(error)}); get it again"
        ) from None
