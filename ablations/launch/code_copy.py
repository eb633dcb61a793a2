"""Copies of the code at launch: edits do not reach runs that wait in a queue, and it is kept."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from ablations.runs.home import Home
from ablations.runs.provenance import SOURCE, git_state
from ablations.study.catalogue import name_of, own_file
from ablations.study.expansion import Expansion
from ablations.study.source import user_files

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


def keep_study(home: Home, name: str, study: str) -> str:
    """Keep a user's study file, and the modules of theirs that it imports, as they are now.

    Arguments:
        name: of the study.
        study: as `load_study` took it.

    Returns:
        What `load_study` takes later: the copy, or the name of a built-in study.
    """
    file = own_file(study)
    if file is None:
        return name_of(study)
    files = user_files(file)
    folder = home.sources(name).absolute() / _digest_of(files)
    if folder.exists() and not _holds(folder, files):  # somebody changed it
        shutil.rmtree(folder, ignore_errors=True)
    if not folder.exists():
        temporary = folder.with_name(f".{uuid.uuid4().hex}.tmp")
        for place, path in files.items():
            (temporary / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, temporary / place)  # with the mode of any new file
        try:
            os.rename(temporary, folder)
        except OSError:  # another launch was quicker
            shutil.rmtree(temporary)
    return str(folder / file.name)


def _holds(folder: Path, files: Mapping[Path, Path]) -> bool:
    return all(
        (folder / place).is_file() and (folder / place).read_bytes() == path.read_bytes()
        for place, path in files.items()
    )


def _digest_of(files: Mapping[Path, Path]) -> str:
    found = hashlib.sha256()
    for place, path in files.items():
        found.update(f"{place}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def launch_provenance(study: str, expansion: Expansion) -> dict[str, str]:
    """The code of a launch, as tags of its runs: where it is in git, and a user's files.

    Arguments:
        study: as `load_study` took it.
    """
    file = own_file(study)
    code_of_run = expansion.experiment.code_for
    is_users = file and any(map(code_of_run, expansion.configs.values()))
    found = git_state(file if file and is_users else ROOT / "ablations" / "__init__.py")
    return found if file is None else {**found, SOURCE: _digest_of(user_files(file))}


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
