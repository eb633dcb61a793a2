"""A copy of the code at launch, so that edits do not reach runs that wait in a queue."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from ablations.runs.home import Home
from ablations.study.catalogue import study_names

CACHE = "__pycache__"


def copy_code(home: Home) -> Path | None:
    """A directory for PYTHONPATH with the packages of this work tree, one for each state of it.

    None where the code is installed (in site-packages), and does not change under the runs.
    """
    root = Path(__file__).resolve().parents[2]
    if root.name in ("site-packages", "dist-packages"):
        return None
    packages = sorted(path.parent for path in root.glob("*/__init__.py"))
    target = home.code / _digest(root, packages)
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{uuid.uuid4().hex}.tmp")
        for path in _files(packages):
            place = temporary / path.relative_to(root)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)  # with the mode of any new file
        try:
            os.rename(temporary, target)
        except OSError:  # another launch was quicker
            shutil.rmtree(temporary)
    os.utime(target)  # it is wanted, whatever its age: `ablate gc` leaves it
    return target.resolve()


def copy_study(study: str, directory: Path) -> str:
    """What `load_study` takes later: a copy of the user's file, or the name of a built-in study."""
    path = Path(study)
    if path.suffix != ".py" or path.stem in study_names():
        return path.stem
    return str(shutil.copyfile(path, directory.resolve() / path.name))


def _digest(root: Path, packages: list[Path]) -> str:
    found = hashlib.sha256()
    for path in _files(packages):
        found.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return found.hexdigest()[:16]


def _files(packages: list[Path]) -> Iterator[Path]:
    for package in packages:
        for path in sorted(package.rglob("*")):
            if path.is_file() and path.parent.name != CACHE:
                yield path
