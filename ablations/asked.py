"""What a script asks for in Python, checked: whatever cannot be used is one sentence."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from ablations.errors import UserError, quoted
from ablations.file_system import words_of
from ablations.uris import sqlite_uri

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


def telling(function: Callable[Given, Answer]) -> Callable[Given, Answer]:
    """Turn what the file system refuses to a function into one sentence, as commands do."""

    @wraps(function)
    def told(*given: Given.args, **named: Given.kwargs) -> Answer:
        try:
            return function(*given, **named)
        except OSError as error:
            raise UserError(words_of(error)) from error

    return told


def a_folder(name: str, given: Any) -> Path | None:
    """The path of a folder, there or not yet; None where none is given.

    Raises:
        UserError: it is no path, or something else lies there.
    """
    if given is None:
        return None
    if not isinstance(given, str | Path):
        raise UserError(f"{name} cannot be {quoted(given)}: it should be the path of a folder")
    _check_path(name, given)
    path = Path(given)
    there = next(one for one in (path, *path.absolute().parents) if os.path.lexists(one))
    if there.exists() and not there.is_dir():
        raise UserError(f"{name} cannot be {quoted(str(given))}: {there} is no folder")
    return path if str(given) else None


def a_study(given: Any) -> str:
    """The name of a study, or the path of its file, as text."""
    if not isinstance(given, str | Path) or not str(given).strip():
        raise UserError(f"a study is its name, the path of its file, or a Study, not {given!r}")
    _check_path("a study", given)
    return str(given)


def _check_path(name: str, given: str | Path) -> None:
    try:
        possible = b"\0" not in os.fsencode(given)
    except UnicodeEncodeError:
        possible = False
    if not possible:
        raise UserError(f"{name} cannot be {quoted(str(given))}: no path can hold such a letter")


def a_text(name: str, given: Any, what: str = "a name") -> str | None:
    """A text; None where none is given."""
    if not isinstance(given, str | None):
        raise UserError(f"{name} cannot be {quoted(given)}: it should be {what}")
    return given


def a_store(given: Any) -> str | None:
    """The address of a tracking store; None where none is given."""
    if isinstance(given, Path):
        hint = f"it should be a text, for a file such as {sqlite_uri(given.absolute())}"
        raise UserError(f"tracking_uri cannot be the path {str(given)!r}: {hint}")
    return a_text("tracking_uri", given, "a text, such as http://host:5000")


def a_count(name: str, given: Any, most: int) -> int:
    """A whole number, from 1 on."""
    if isinstance(given, bool) or not hasattr(given, "__index__") or not 1 <= given <= most:
        raise UserError(f"{name} cannot be {given!r}: it should be a whole number from 1 to {most}")
    return int(given)


def values_by_name(given: Any) -> dict[str, list[Any]]:
    """Changes of a study: the values of each name, of which one need not stand in a list."""
    if not (isinstance(given or {}, Mapping) and all(isinstance(n, str) for n in given or {})):
        raise UserError(f'changes are values by name, such as {{"epochs": 5}}, not {given!r}')
    values = {
        name: list(value) if isinstance(value, list | tuple) else [value]
        for name, value in (given or {}).items()
    }
    for name, several in values.items():
        if not several:
            raise UserError(f"changes: {name} has no values: give one or more")
    return values
