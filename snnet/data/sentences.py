"""Labelled texts on disk. Torch-free: missing and damaged ones are told before a run."""

from __future__ import annotations

import csv
import io
import os
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from snnet.data.folder import natural
from snnet.data.locations import DATA_VARIABLE, data_root
from snnet.data.sizes import RATED, TEXT
from snnet.errors import MissingDataError, first_line

# Hutto and Gilbert, VADER, ICWSM 2014: beside each text the mean of 20 people's ratings, -4 to 4
ARCHIVE = "hutto_ICWSM_2014.tar.gz"
SOURCE = "vadersentiment-*.tar.gz"  # of the package vaderSentiment, which holds the archive
NEUTRAL = 0.5  # texts that are rated nearer to 0 are left out
OPINIONS = ("negative", "positive")
COLUMNS, LABEL = ("sentence", "text", "review"), "label"
SPLITS = {"train": ("train",), "test": ("test", "dev", "val", "validation")}


@dataclass(frozen=True)
class Sentences:
    """Texts with their labels.

    Attributes:
        groups: of texts that belong together, such as the sentences of one review.
    """

    texts: tuple[str, ...]
    labels: tuple[int, ...]
    groups: tuple[str, ...]


def name_of(dataset: str) -> str:
    """The name of a dataset of texts without what tells that it is one."""
    return dataset.removeprefix(TEXT)


def check_texts(dataset: str) -> None:
    """Refuse a dataset of texts that is not here, or damaged.

    Raises:
        MissingDataError: says where it was looked for, and what to do.
    """
    read_rated(dataset) if dataset in RATED else read_tables(dataset)


def read_rated(dataset: str) -> Sentences:
    """The texts of one of the four rated sets that are clearly negative (0) or positive (1).

    Raises:
        MissingDataError: the archive is nowhere, or damaged.
    """
    member = f"hutto_ICWSM_2014/{RATED[dataset]}_GroundTruth.txt"
    place = _place(member)
    return _read_rated(member, place, place.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _read_rated(member: str, place: Path, changed: int) -> Sentences:
    content = _content(member, place).decode("utf-8")
    rows = [line.split("\t", 2) for line in content.splitlines() if line.count("\t") >= 2]
    clear = [
        (number, float(rating), text.strip())
        for number, rating, text in rows
        if abs(float(rating)) > NEUTRAL
    ]
    return Sentences(
        tuple(text for _, _, text in clear),
        tuple(int(rating > 0) for _, rating, _ in clear),
        tuple(number.partition("_")[0] for number, _, _ in clear),
    )


def _place(member: str) -> Path:
    """The file that is a table of rated texts, or holds it: unpacked, archive, or package."""
    root = data_root()
    packages = [path for path in _listed(root) if path.name.lower().startswith("vadersentiment-")]
    packages = [path for path in packages if path.name.endswith(".tar.gz")]
    places = [root / member, root / ARCHIVE, *packages]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise MissingDataError(
            f"the rated texts are in none of {places[0].parent}, {places[1]}, {root / SOURCE}: "
            f"pip download vaderSentiment==3.3.2 --no-deps --no-binary :all: --dest {root}"
        )
    return found


def _content(member: str, place: Path) -> bytes:
    """A table of rated texts, wherever it lies."""
    try:
        content = place.read_bytes()
        if place.name.endswith(".txt"):
            return content
        archive = content if place.name == ARCHIVE else _inside(content, ARCHIVE)
        return _inside(archive, member)
    except (OSError, tarfile.TarError, EOFError, KeyError) as error:
        raise MissingDataError(
            f"the archive of rated texts in {place.parent} is damaged ({first_line(error)}); get "
            "it again"
        ) from None


def _listed(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _inside(archive: bytes, name: str) -> bytes:
    """The file of a tar archive whose path ends with a name."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        for member in opened:
            if member.isfile() and member.name.endswith(name):
                found = opened.extractfile(member)
                assert found is not None  # it is a file
                return found.read()
    raise KeyError(f"it holds no {name}")


@dataclass(frozen=True)
class Tables:
    """A user's texts to train on and to test on.

    Attributes:
        classes: what the labels are called.
    """

    train: Sentences
    test: Sentences
    classes: tuple[str, ...]


def read_tables(dataset: str) -> Tables:
    """The texts of a folder with tab-separated files, as SST-2 and many others are kept.

    Raises:
        MissingDataError: a file is not there, or is no such table.
    """
    folder = data_root() / name_of(dataset)
    files = [_split_file(dataset, folder, names) for names in SPLITS.values()]
    return _read_tables(*files, *(file.stat().st_mtime_ns for file in files))


@lru_cache(maxsize=4)
def _read_tables(train: Path, test: Path, *changed: int) -> Tables:
    rows = {file: _rows(file) for file in (train, test)}
    classes = tuple(sorted({label for _, label in rows[train]}, key=natural))
    if len(classes) < 2:
        raise MissingDataError(f"{train} holds texts of one class alone, {classes[0]!r}")
    unknown = sorted({label for _, label in rows[test]} - set(classes))
    if unknown:
        raise MissingDataError(f"{test} has the label {unknown[0]!r}, which {train} lacks")
    return Tables(_sentences(rows[train], classes), _sentences(rows[test], classes), classes)


def _sentences(rows: Iterable[tuple[str, str]], classes: tuple[str, ...]) -> Sentences:
    texts, labels = zip(*rows, strict=True)
    found = tuple(classes.index(label) for label in labels)
    return Sentences(tuple(texts), found, tuple(map(str, range(len(found)))))


def _split_file(dataset: str, folder: Path, names: tuple[str, ...]) -> Path:
    for name in names:
        if (folder / f"{name}.tsv").is_file():
            return folder / f"{name}.tsv"
    raise MissingDataError(
        f"dataset {dataset}: there is no {' or '.join(f'{name}.tsv' for name in names)} in "
        f"{folder}; put it there, tab-separated with the columns {COLUMNS[0]} and {LABEL}, or set "
        f"{DATA_VARIABLE} to the directory that holds {name_of(dataset)}{os.sep}"
    )


def _rows(file: Path) -> list[tuple[str, str]]:
    """Texts and labels of a table."""
    try:
        with open(file, encoding="utf-8", newline="") as opened:
            table = csv.reader(opened, delimiter="\t", quoting=csv.QUOTE_NONE)
            header, *rows = [row for row in table if row]
    except (OSError, ValueError, csv.Error) as error:
        raise MissingDataError(f"{file} is no table of texts ({first_line(error)})") from None
    text = next((header.index(name) for name in COLUMNS if name in header), None)
    if text is None or LABEL not in header or not rows:
        raise MissingDataError(
            f"{file} should begin with a line that names its columns, {LABEL} and one of "
            f"{', '.join(COLUMNS)}, and hold texts below; it begins with {header[:4]}"
        )
    short = next((n for n, row in enumerate(rows, 2) if len(row) != len(header)), None)
    if short is not None:
        raise MissingDataError(
            f"{file}, row {short}: {len(header)} columns are named, and there are others"
        )
    label = header.index(LABEL)
    return [(row[text], row[label]) for row in rows]
