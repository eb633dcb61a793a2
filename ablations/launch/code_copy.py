"""A copy of the code at launch, so that edits do not reach runs that wait in a queue."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from tempfile import mkdtemp

from ablations.runs.home import Home
from ablations.study.catalogue import study_names

CACHE = "__pycache__"


def code_path(home: Home) -> Path | None:
    """A directory for PYTHONPATH, one for each state of this work tree; see `copy_code`.

    None where the code is installed (in site-packages), and does not change under the runs.
    """
    root = Path(__file__).resolve().parents[2]
    if root.name in ("site-packages", "dist-packages"):
        return None
    return (home.code / _digest(root, _packages(root))).resolve()


def copy_code(home: Home) -> Path | None:
    """The directory of `code_path`, with the packages of this work tree in it."""
    target = code_path(home)
    if target is None:
        return None
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(mkdtemp(prefix=".", suffix=".tmp", dir=target.parent))
        for package in _packages(Path(__file__).resolve().parents[2]):
            ignore = shutil.ignore_patterns(CACHE)
            shutil.copytree(package, temporary / package.name, ignore=ignore)
        try:
            os.rename(temporary, target)
        except OSError:  # another launch was quicker
            shutil.rmtree(temporary)
    os.utime(target)  # it is wanted, whatever its age: `ablate gc` leaves it
    return target


def copy_study(study: str, directory: Path) -> str:
    """What `load_study` takes later: a copy of the user's file, or the name of a built-in study."""
    path = Path(study)
    if path.suffix != ".py" or path.stem in study_names():
        return path.stem
    return str(shutil.copy(path, directory.resolve()))


def _packages(root: Path) -> list[Path]:
    return sorted(path.parent for path in root.glob("*/__init__.py"))


def _digest(root: Path, packages: list[Path]) -> str:
    found = hashlib.sha256()
    for package in packages:
        for path in sorted(package.rglob("*")):
            if path.is_file() and path.parent.name != CACHE:
                found.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return found.hexdigest()[:16]
