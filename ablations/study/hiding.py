"""Files beside a study that hide a module which the machinery imports: refused before any run."""

from __future__ import annotations

import os
import re
import sys
import sysconfig
from contextlib import suppress
from functools import cache
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

from ablations.errors import UserError
from ablations.study.source import OWN, PACKAGE

INSTALLED = list(dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib")))
# of the standard library, what no package imports: a file may well be called so
UNUSED = {"test", "this", "antigravity", "turtle", "turtledemo", "idlelib", "lib2to3"}


def check_hidden(folder: Path) -> None:
    """Refuse a folder whose modules would be imported instead of those that the machinery wants.

    Raises:
        UserError: one has the name of a module of Python's, or of a package that is needed here.
    """
    entries: list[str] = []
    with suppress(OSError):
        entries = sorted(os.listdir(folder))
    for entry in entries:
        name = entry.removesuffix(".py")
        # first, as it asks no disk: folders may hold a million files, or be of a disk that is gone
        hidden = _hidden(name)
        if hidden and (name != entry or os.path.exists(folder / entry / PACKAGE)):
            raise UserError(f"{folder / entry} hides {hidden}, which runs need: rename it")


def _hidden(name: str) -> str:
    """What a module of this name hides, in words; empty where nothing needs it or nothing can."""
    if name in sys.stdlib_module_names:
        before_all = BuiltinImporter.find_spec(name) or FrozenImporter.find_spec(name)
        return "" if before_all or name in UNUSED else f"Python's module {name}"
    # first, as it takes no time: few names are installed at all
    if not name.isidentifier() or PathFinder.find_spec(name, INSTALLED) is None:
        return ""
    makers = packages_distributions().get(name, [])
    needed = any(_normal(one) in _needed() for one in makers)
    return f"the installed package {name}" if needed else ""


@cache
def _needed() -> frozenset[str]:
    """The distributions that this one requires, and what they require in turn."""
    found, left = set[str](), [OWN]
    while left:
        name = _normal(left.pop())
        if name in found:
            continue
        found.add(name)
        with suppress(PackageNotFoundError):
            asked = [one for one in requires(name) or [] if "extra ==" not in one]
            left += [match[0] for one in asked if (match := re.match(r"[\w.-]+", one))]
    return frozenset(found)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
