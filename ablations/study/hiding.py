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
# nor what Python 3.12 and 3.13 have no more (PEP 594, 632)
UNUSED |= {
    *("aifc", "asynchat", "asyncore", "audioop", "cgi", "cgitb", "chunk", "crypt", "imghdr", "imp"),
    *("mailcap", "msilib", "nis", "nntplib", "ossaudiodev", "pipes", "smtpd", "sndhdr", "spwd"),
    *("sunau", "telnetlib", "uu", "xdrlib"),
}


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
        # the disk is asked second, for folders may hold a million files; who needs it, last
        if not _is_known(name) or (name == entry and not os.path.exists(folder / entry / PACKAGE)):
            continue
        if hidden := _hidden(name):
            raise UserError(f"{folder / entry} hides {hidden}, which runs need: rename it")


def _is_known(name: str) -> bool:
    """Whether a module of this name is Python's, or installed."""
    if name in sys.stdlib_module_names:
        return True
    return name.isidentifier() and PathFinder.find_spec(name, INSTALLED) is not None


def _hidden(name: str) -> str:
    """What a module of this name hides, in words; empty where nothing needs it or nothing can."""
    if name in sys.stdlib_module_names:
        before_all = BuiltinImporter.find_spec(name) or FrozenImporter.find_spec(name)
        return "" if before_all or name in UNUSED else f"Python's module {name}"
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
