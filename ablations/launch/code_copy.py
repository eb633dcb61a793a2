"""A copy of the code at launch, so that edits do not reach runs that wait in a queue."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ablations.runs.home import Home
from ablations.study.catalogue import own_file

ROOT = Path(__file__).resolve().parents[2]
CACHE = "__pycache__"


def code_path(home: Home) -> Path | None:
    """A directory for PYTHONPATH, one for each state of this work tree; see `copy_code`.

    None where the code is installed (in site-packages), and does not change under the runs.
    """
    if ROOT.name in ("site-packages", "dist-packages"):
        return None
    return (home.code / _digest(ROOT)).resolve()


def copy_code(home: Home) -> Path | None:
    """The directory of `code_path`, with the packages of this work tree in it.

    A copy that is another by now is set aside, for `ablate gc`.
    """
    target = code_path(home)
    if target is None:
        return None
    if os.path.lexists(target) and _digest(target) != target.name:  # somebody changed it
        with suppress(FileNotFoundError):  # another launch was quicker
            os.rename(target, target.with_name(f"{target.name}-{uuid.uuid4().hex[:8]}.damaged"))
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{uuid.uuid4().hex}.tmp")
        for path in _files(ROOT):
            place = temporary / path.relative_to(ROOT)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)  # with the mode of any new file
        try:
            os.rename(temporary, target)
        except OSError:  # another launch was quicker
            shutil.rmtree(temporary)
    os.utime(target)  # it is wanted, whatever its age: `ablate gc` leaves it
    return target


def copy_study(study: str, directory: Path) -> str:
    """What `load_study` takes later: a copy of the user's file, or the name of a built-in study."""
    path = own_file(study)
    if path is None:
        return Path(study).stem
    return str(shutil.copyfile(path, directory.resolve() / path.name))


def _digest(root: Path) -> str:
    found = hashlib.sha256()
    for path in _files(root):
        found.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return found.hexdigest()[:16]


def _files(root: Path) -> Iterator[Path]:
    """All files of the packages of a work tree, or of a copy of one."""
    for package in sorted(path.parent for path in root.glob("*/__init__.py")):
        for path in sorted(package.rglob("*")):
            if path.is_file() and path.parent.name != CACHE:
                yield path
