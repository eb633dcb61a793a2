"""Modules that users wrote, read without importing them: where they are, and what they import."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import os
import re
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

OWN = "snnet-ablations"  # the distribution that this package is of
ROOT = Path(__file__).resolve().parents[2]  # where it lies: a work tree, or a launch's copy of one
STANDARD = [os.path.realpath(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")]
INSTALLED = {"site-packages", "dist-packages"}
STUDY_MODULE = re.compile(r"study_[0-9a-f]{8}_")  # begins the name that `load_study` gives a file
PACKAGE = "__init__.py"


def module_name(path: Path) -> str:
    """The name of the module that a user's study file becomes."""
    return f"study_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}_{path.stem}"


def is_installed(name: str, path: Path) -> bool:
    """Whether a module is Python's or belongs to an installed distribution, not to a user's code.

    What is installed in place (`pip install --editable`) is edited: that is a user's, but for this
    package's own modules, whose experiments say by `schema` what changed.
    """
    path = Path(os.path.realpath(path))
    if INSTALLED.intersection(path.parts) or any(path.is_relative_to(one) for one in STANDARD):
        return True
    top, *rest = name.split(".")
    depth = len(rest) + (path.name == PACKAGE)
    place = path.parents[min(depth, len(path.parents) - 1)]  # where the top-level module lies
    return place == ROOT and top in _declared(OWN)


@cache
def _declared(name: str) -> frozenset[str]:
    """Top-level modules of an installed distribution, as far as it tells them."""
    try:
        return frozenset((distribution(name).read_text("top_level.txt") or "").split())
    except PackageNotFoundError:
        return frozenset()


@dataclass(frozen=True)
class Imported:
    """What an import binds a name to.

    Attributes:
        name: in the module that imports; `*` for all that there is.
        module: the full name of the other.
        attribute: what of it; empty for the module itself.
    """

    name: str
    module: str
    attribute: str = ""


@dataclass(frozen=True)
class Source:
    """A module of a user's.

    Attributes:
        name: as it is imported; empty for a study file, wherever it lies.
        folders: where its submodules are, if it is a package.
    """

    name: str
    path: Path | None
    folders: Sequence[str] = ()
    tree: ast.Module = field(default_factory=lambda: ast.Module([], []))

    @property
    def place(self) -> Path:
        """The path of a copy, from which it is imported by the same name."""
        assert self.path
        inner = self.name.split(".") if self.name else []
        return Path(*inner, PACKAGE) if self.folders else Path(*inner[:-1], self.path.name)

    def imported(self, node: ast.AST) -> Iterator[Imported]:
        """What each import in a piece of its code binds, at any depth."""
        for one in ast.walk(node):
            if isinstance(one, ast.Import):
                for alias in one.names:
                    top = alias.name.partition(".")[0]
                    yield Imported(alias.asname or top, alias.name if alias.asname else top)
                    if not alias.asname and top != alias.name:
                        yield Imported("", alias.name)  # imported, though by its parts
            elif isinstance(one, ast.ImportFrom):
                module = self._absolute(one.module or "", one.level)
                for alias in one.names:
                    yield Imported(alias.asname or alias.name, module, alias.name)

    def _absolute(self, module: str, level: int) -> str:
        """The full name of a module that is named from here."""
        if not level:
            return module
        package = self.name.split(".")
        parts = package[: len(package) - level + bool(self.folders)]
        return ".".join([*parts, *([module] if module else [])])


class Sources:
    """Modules of users' by name, each read once; others than users' are None."""

    def __init__(self) -> None:
        self.known: dict[str, Source | None] = {}

    def find(self, name: str) -> Source | None:
        """The module that is imported, or would be, by this name."""
        if name not in self.known:
            self.known[name] = self._find(name)
        return self.known[name]

    def _find(self, name: str) -> Source | None:
        spec = find_spec(name)
        if spec is None:
            return None
        path = Path(spec.origin) if spec.has_location and spec.origin else None
        folders = tuple(spec.submodule_search_locations or ())
        if path is None:  # built in, or a folder without a module of its own
            inside = folders and not is_installed(name, Path(folders[0]) / PACKAGE)
            return Source(name, None, folders) if inside else None
        return None if is_installed(name, path) else read_source(name, path, folders)

    def study(self, path: Path) -> Source:
        """A study file."""
        return read_source("", path)


def find_spec(name: str) -> ModuleSpec | None:
    """Where a module is, or would be, imported from; nothing is imported to find that out."""
    top, *inner = name.split(".")
    try:
        spec, full = importlib.util.find_spec(top), top
        for part in inner:
            folders = spec.submodule_search_locations if spec else None
            full = f"{full}.{part}"
            if full in sys.modules:
                spec = importlib.util.find_spec(full)
            else:
                spec = PathFinder.find_spec(full, list(folders)) if folders else None
    except (ImportError, AttributeError, ValueError):  # of what is half imported, or made by hand
        return None
    return spec


def read_source(name: str, path: Path, folders: Sequence[str] = ()) -> Source:
    """A module of this name and file; `folders` see `Source`."""
    content = path.read_bytes()
    label = "" if name == "__main__" or STUDY_MODULE.match(name) else name
    try:
        return Source(label, path, folders, ast.parse(content))
    except (SyntaxError, ValueError):  # compiled, or for another Python: it counts as it is
        digest = hashlib.sha256(content).hexdigest()
        return Source(label, path, folders, ast.parse(f"content = {digest!r}"))


def user_files(path: Path) -> dict[Path, Path]:
    """A study file that was loaded, and all modules of users' that it imports, or that these do.

    Returns:
        Where each is, by the path that a copy of it has in a folder of its own.
    """
    sources = Sources()
    left, found = [sources.study(path)], dict[Path, Path]()
    seen: set[str] = set()
    while left:
        source = left.pop()
        if source.path:
            found[source.place] = source.path
        for one in source.imported(source.tree):
            for name in (one.module, f"{one.module}.{one.attribute}" if one.attribute else ""):
                parts = name.split(".")
                for full in (".".join(parts[: n + 1]) for n in range(len(parts))):
                    if full and full not in seen:
                        seen.add(full)
                        left += filter(None, [sources.find(full)])
    return dict(sorted(found.items()))
