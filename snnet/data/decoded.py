"""Images of a folder, decoded once for all runs of a home: bytes in files, mapped into memory.

They have the size of which tests cut their part out, so tests see the same bits as without. What
training crops is cut from these smaller images, as ffcv and others have it.

Files hold some images each, and their index is written last, so a kill costs no more than one of
them. Several processes decode side by side, each another file.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from snnet.data.folder import Listing
from snnet.data.loader import Seeded, loader_workers
from snnet.data.preprocessing import Preprocessing
from snnet.files import writing
from snnet.run import DECODED
from snnet.wording import in_bytes

SCHEMA = 1  # raise it when the same images would be kept as other bytes
IMAGES = 1024  # of a file
SAMPLED = 100  # images whose headers are read, to tell the size of all


class Decoded(Dataset[tuple[Image.Image, int]]):
    """The images that a folder of the cache holds, and their labels."""

    def __init__(self, listing: Listing, folder: Path) -> None:
        self.listing, self.class_to_idx, self.folder = listing, listing.classes, folder
        files = range(0, len(listing.files), IMAGES)
        # where each image begins in its file, its height and its width
        self.index = np.concatenate([np.load(_index(folder, first)) for first in files])

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, number: int) -> tuple[Image.Image, int]:
        start, height, width = self.index[number]
        pixels = _mapped(_pixels(self.folder, number - number % IMAGES))
        channels = pixels.shape[1:]
        image = pixels[start : start + height * width].reshape(height, width, *channels)
        return Image.fromarray(image), self.listing.labels[number]

    def filename(self, number: int, absolute: bool = True) -> str:
        """The path of the image that was decoded."""
        return self.listing.files[number]


def _pixels(folder: Path, first: int) -> Path:
    return folder / f"{first:08}.pixels.npy"


def _index(folder: Path, first: int) -> Path:
    return folder / f"{first:08}.index.npy"


@lru_cache(maxsize=4096)
def _mapped(path: Path) -> Any:
    """A file's pixels (N) or (N, 3), of all its images one after the other."""
    return np.load(path, mmap_mode="r")


def decode(
    pictures: Any, preprocessing: Preprocessing, cache: Path, say: Callable[[str], None]
) -> Decoded:
    """The images of a folder from the cache; decodes those that it lacks.

    Arguments:
        pictures: the images by number, not yet decoded, and their `listing`.
        say: told how far it is.

    Raises:
        ValueError: an image cannot be read, or the disk is too full; says which, or how much.
    """
    listing: Listing = pictures.listing
    folder = cache / DECODED / _digest(listing, preprocessing)
    folder.mkdir(parents=True, exist_ok=True)
    count = len(listing.files)
    missing = [n for n in range(0, count, IMAGES) if not _index(folder, n).exists()]
    if missing:
        _check_space(folder, listing, preprocessing, len(missing) * IMAGES / count)
    resize = partial(_resized, preprocessing.for_test().transforms[0])
    seeded = Seeded(pictures, resize, preprocessing.mode, ())
    while missing:
        for first in missing:
            say(f"decoding images: {first}/{count}")
            _decode_into(folder, first, seeded, count)
        missing = [first for first in missing if not _index(folder, first).exists()]
        if missing:  # another process is at them
            time.sleep(0.2)
    return Decoded(listing, folder)


def _digest(listing: Listing, preprocessing: Preprocessing) -> str:
    """A digest of the list of files, with sizes and times, and of what is kept of them."""
    kept = SCHEMA, preprocessing.image_shape, preprocessing.crop, preprocessing.interpolation
    found = hashlib.sha256(repr(kept).encode())
    for file in listing.files:
        status = os.stat(file)
        found.update(repr((file, status.st_size, status.st_mtime_ns)).encode())
    return found.hexdigest()[:16]


def _resized(resize: Any, image: Image.Image) -> np.ndarray:
    """An image as tests see it before they cut their part out; never larger than it was."""
    small = resize(image)
    return np.array(small if small.width < image.width else image)


def _decode_into(folder: Path, first: int, seeded: Seeded, count: int) -> None:
    """Write a file of images, unless another process does."""
    place = _index(folder, first)
    try:
        with FileLock(place.with_suffix(".lock"), timeout=0):
            if place.exists():
                return
            items = [(n, n) for n in range(first, min(first + IMAGES, count))]
            workers = min(loader_workers(), len(items))
            loaded = DataLoader(seeded, sampler=items, batch_size=None, num_workers=workers)
            images = [image.numpy() for image, _ in loaded]
            _keep(folder, first, images)
    except Timeout:
        return


def _keep(folder: Path, first: int, images: Sequence[np.ndarray]) -> None:
    shapes = np.array([image.shape[:2] for image in images], dtype=np.int64)
    starts = np.concatenate([[0], shapes.prod(1).cumsum()[:-1]])
    pixels = [image.reshape(-1, *image.shape[2:]) for image in images]
    contents = {
        _pixels(folder, first): np.concatenate(pixels),
        _index(folder, first): np.column_stack([starts, shapes]),  # last: now they are there
    }
    for path, content in contents.items():
        with writing(path) as temporary, open(temporary, "wb") as file:
            np.save(file, content)


def _check_space(
    folder: Path, listing: Listing, preprocessing: Preprocessing, share: float
) -> None:
    needed, free = expected_bytes(listing, preprocessing) * share, shutil.disk_usage(folder).free
    if needed > free:
        raise ValueError(
            f"decoded images take about {in_bytes(needed)} in {folder.parent}, where "
            f"{in_bytes(free)} are free; make room, or set decoded to False"
        )


def expected_bytes(listing: Listing, preprocessing: Preprocessing) -> int:
    """About how many bytes the decoded images of a folder take, by the headers of some."""
    channels, height, _ = preprocessing.image_shape
    shortest = height / preprocessing.crop
    count = len(listing.files)
    pixels: list[float] = []
    for file in listing.files[:: -(-count // SAMPLED)]:
        with suppress(OSError), Image.open(file) as image:  # decoding tells what cannot be read
            scale = min(1.0, shortest / min(image.size))
            pixels.append(image.width * image.height * scale**2)
    return round(sum(pixels) / max(1, len(pixels)) * channels * count)
