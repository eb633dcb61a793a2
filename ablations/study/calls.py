"""Calls into what a user wrote: whatever goes wrong there is one sentence, with file and line."""

from __future__ import annotations

import inspect
import sysconfig
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ablations.errors import UserError

# where files begin that no user of a study wrote: this package, Python, and what is installed
PYTHON = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
OTHERS = (str(Path(__file__).parents[1]), "<frozen ", *PYTHON)


class NonsenseError(ValueError):
    """What a user's function returned is none of what it should; says so as `returned ...`."""


def call(
    what: str,
    function: Callable[..., Any],
    *arguments: Any,
    convert: Callable[[Any], Any] = lambda found: found,
    source: Any = None,
) -> Any:
    """Call what a user wrote.

    Arguments:
        what: how messages call it.
        convert: makes of what it returns what is wanted.
        source: what the user wrote, where that is not `function`.

    Raises:
        UserError: one of its own, or anything else that it raised, even an exit.
    """
    try:
        return convert(function(*arguments))
    except (UserError, KeyboardInterrupt):
        raise
    except BaseException as error:
        place = place_of(error) or source_of(source or function)
        reason = str(error) if isinstance(error, NonsenseError) else f"fails: {words_of(error)}"
        raise UserError(f"{place}: {what} {reason}" if place else f"{what} {reason}") from error


def words_of(error: BaseException) -> str:
    """The kind of an error and what it says, in a line."""
    try:
        said = error.msg if isinstance(error, SyntaxError) else str(error)
    except Exception:  # a class of the user's
        said = ""
    return ": ".join(filter(None, (type(error).__name__, " ".join(said.split()))))


def place_of(error: BaseException) -> str:
    """The user's file and the line in it where an error came up; empty where none is involved."""
    if isinstance(error, SyntaxError) and Path(error.filename or "").is_file():
        return _place(error.filename, error.lineno)
    frames = [
        (frame.f_code.co_filename, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if not frame.f_code.co_filename.startswith(OTHERS)
    ]
    # what the user's file calls may be anybody's
    return _place(*[one for one in frames if one[0] == frames[0][0]][-1]) if frames else ""


def source_of(thing: Any) -> str:
    """Where something is defined; empty where Python does not know."""
    with suppress(TypeError, OSError):
        return _place(inspect.getsourcefile(thing), inspect.getsourcelines(thing)[1])
    return ""


def _place(file: str | None, line: int | None) -> str:
    return f"{file}, line {line}" if line else str(file)
