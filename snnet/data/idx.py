"""Fashion-MNIST's files on disk. Torch-free: missing and damaged ones are told before a run."""

from __future__ import annotations

import gzip
import zlib
from math import prod
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np

from snnet.data.locations import fashion_folders
from snnet.errors import MissingDataError, first_line

MIRROR = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
SECONDS = 5.0  # that the mirror has to answer
SETS = ("train", "t10k")


def images_file(folder: Path, split: str) -> Path:
    """The file with the images of a split, one of `SETS`."""
    return folder / f"{split}-images-idx3-ubyte.gz"


def labels_file(folder: Path, split: str) -> Path:
    """The file with the labels of a split, one of `SETS`."""
    return folder / f"{split}-labels-idx1-ubyte.gz"


def find_fashion() -> Path | None:
    """The first of the folders that holds Fashion-MNIST, or None."""
    folders = [folder for folder in fashion_folders() if images_file(folder, "train").exists()]
    return folders[0] if folders else None


def check_fashion() -> None:
    """Refuse where Fashion-MNIST is neither on disk, whole, nor to be had from its mirror.

    Reads the ends of the files alone.

    Raises:
        MissingDataError: says which file, or where it was looked for.
    """
    folder = find_fashion()
    if folder is not None:
        for split in SETS:
            _check_size(images_file(folder, split))
            _check_size(labels_file(folder, split))
        return
    try:
        with urlopen(Request(MIRROR, method="HEAD"), timeout=SECONDS):
            pass
    except HTTPError:  # a page that is not there: the mirror has answered
        return
    except OSError as error:
        raise missing_fashion(getattr(error, "reason", error)) from None


def missing_fashion(error: object) -> MissingDataError:
    """What to say when it is nowhere, and torchvision cannot download it."""
    own, downloaded, debian = fashion_folders()
    return MissingDataError(
        f"Fashion-MNIST is in none of {own}, {downloaded}, {debian}, and torchvision cannot "
        f"download it ({error}); install Debian's package dataset-fashion-mnist, "
        f"or put its four .gz files into {own}"
    )


def read_idx(path: Path) -> np.ndarray:
    """An array of bytes in the IDX format of MNIST: magic number, sizes, content.

    Raises:
        MissingDataError: the file is damaged or missing.
    """
    try:
        content = gzip.decompress(path.read_bytes())
        start, sizes = _header(content)
        return np.frombuffer(content, np.uint8, offset=start).reshape(sizes).copy()
    except (OSError, EOFError, ValueError, IndexError, zlib.error) as error:
        raise _damaged(path, error) from None


def _header(content: bytes) -> tuple[int, tuple[int, ...]]:
    """Where the values begin, and how many there are along each dimension."""
    dimensions = content[3]
    sizes = np.frombuffer(content, ">u4", count=dimensions, offset=4)
    return 4 + 4 * dimensions, tuple(sizes.tolist())


def _check_size(path: Path) -> None:
    """Refuse a file whose end does not tell the length that its beginning asks for."""
    try:
        with gzip.open(path) as file:
            start, sizes = _header(file.read(16))
        with open(path, "rb") as raw:
            raw.seek(-4, 2)
            length = int.from_bytes(raw.read(), "little")  # gzip ends with it
        if length != start + prod(sizes):
            raise ValueError(f"{length} bytes instead of {start + prod(sizes)}")
    except (OSError, EOFError, ValueError, IndexError, zlib.error) as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> MissingDataError:
    return MissingDataError(f"{path} is damaged or missing ({first_line(error)}); get it again")
