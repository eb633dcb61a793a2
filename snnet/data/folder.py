"""Image folders: which files are images, and of which class. Torch-free: told before a run."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from snnet.data.locations import split_folders
from snnet.errors import MissingDataError

# formats that Pillow knows by their extensions, and has no decoder for
NOT_DECODED = {"BUFR", "GRIB", "HDF5", "MPEG", "PALM", "PDF", "WMF"}


@dataclass(frozen=True)
class Listing:
    """The images of one set.

    Attributes:
        files: paths, in natural order (2.jpg before 10.jpg).
        labels: one a file.
        classes: labels of classes by the names of their folders.
        left_out: files that are no images.
    """

    files: tuple[str, ...]
    labels: tuple[int, ...]
    classes: dict[str, int]
    left_out: tuple[str, ...]


@cache
def extensions() -> frozenset[str]:
    """Endings of image files, in lower case: those of every format that Pillow decodes."""
    from PIL import Image

    known = Image.registered_extensions()
    return frozenset(ending for ending, name in known.items() if name not in NOT_DECODED)


def list_dataset(dataset: str) -> tuple[Listing, Listing]:
    """The images to train on and those to test on, of a folder with both.

    Raises:
        MissingDataError: there is no such folder, or a class has no images; names it.
        ValueError: the two hold different classes; names one.
    """
    folders = split_folders(dataset)
    sets = tuple(_list_set(folder, folder.stat().st_mtime_ns) for folder in folders)
    (train, test), names = sets, tuple(folder.name for folder in folders)
    differing = sorted(train.classes.keys() ^ test.classes.keys(), key=natural)
    if differing:
        only = names[differing[0] in test.classes]
        raise ValueError(
            f"dataset {dataset}: training and test set differ in {len(differing)} classes, for "
            f"example {differing[0]}, which is in {only}/ alone; give both the same class folders"
        )
    return train, test


def remarks(dataset: str) -> list[str]:
    """A sentence for each set of a folder that holds files which are no images."""
    return [
        f"dataset {dataset}: {len(listing.left_out)} of "
        f"{len(listing.left_out) + len(listing.files)} files in {folder} are left out, as Pillow "
        f"reads no images from such files: {_kinds(listing.left_out)}"
        for folder, listing in zip(split_folders(dataset), list_dataset(dataset), strict=True)
        if listing.left_out
    ]


def _kinds(files: tuple[str, ...]) -> str:
    """Counted endings, the most frequent first, each with a file."""
    ending = {name: os.path.splitext(name)[1].lower() for name in files}
    example = {ending[name]: name for name in reversed(files)}
    counts = Counter(ending.values()).most_common()
    told = [f"{count} {kind or 'without ending'} ({example[kind]})" for kind, count in counts[:3]]
    return ", ".join(told) + (f" and {len(counts) - 3} other kinds" if len(counts) > 3 else "")


@lru_cache(maxsize=8)
def _list_set(folder: Path, changed: int) -> Listing:
    """The images below a folder, which lies as it was `changed`."""
    images: list[tuple[str, str]] = []
    left_out: list[str] = []
    for place, names in _walk(folder):
        label = os.path.basename(place)  # of the innermost folder, as timm has it
        for name in names:
            path = os.path.join(place, name)
            ending = os.path.splitext(name)[1].lower()
            if ending in extensions() and not name.startswith(".") and Path(place) != folder:
                images.append((path, label))
            else:
                left_out.append(os.path.relpath(path, folder))
    _check_classes(folder, [path for path, _ in images])
    images.sort(key=lambda image: (natural(image[0]), image[0]))
    classes = {name: n for n, name in enumerate(sorted({name for _, name in images}, key=natural))}
    return Listing(
        tuple(path for path, _ in images),
        tuple(classes[label] for _, label in images),
        classes,
        tuple(sorted(left_out, key=natural)),
    )


def _walk(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Every folder below and the names of its files; hidden folders are not entered."""

    def refuse(error: OSError) -> None:
        raise MissingDataError(f"folder {error.filename} cannot be read ({error.strerror})")

    for place, inner, names in os.walk(folder, onerror=refuse, followlinks=True):
        inner[:] = [name for name in inner if not name.startswith(".")]
        yield place, names


def _check_classes(folder: Path, images: list[str]) -> None:
    """Refuse a set without classes, or with one that holds no image."""
    names = [each.name for each in folder.iterdir() if each.is_dir() and each.name[0] != "."]
    if not names:
        raise MissingDataError(
            f"folder {folder} holds no class folders: put the images of each class into a folder "
            "of its own there"
        )
    filled = {os.path.relpath(path, folder).partition(os.sep)[0] for path in images}
    empty = sorted(set(names) - filled, key=natural)
    if empty:
        more = f", and {len(empty) - 1} other classes have none" if len(empty) > 1 else ""
        raise MissingDataError(
            f"class folder {folder / empty[0]} holds no images that Pillow reads{more}; put "
            "images there, or remove the folder"
        )


def natural(text: str) -> list[str | int]:
    """A key to sort names by, numbers in them by their values."""
    parts = re.split(r"(\d+)", text.lower())
    return [int(part) if n % 2 else part for n, part in enumerate(parts)]
