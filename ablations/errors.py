"""What a user did wrong, said in one sentence."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ablations.uris import without_secrets

if TYPE_CHECKING:
    from pydantic import ValidationError


EXIT_FAILED_RUNS = 1
EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130


class UserError(Exception):
    """A mistake that the user can mend. Shown as one line, without a traceback; exit code 2.

    Its message never holds the secrets of an address, wherever it is shown.
    """

    def __init__(self, message: str) -> None:
        super().__init__(without_secrets(message))


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint to end a sentence with: the known word nearest to `word`, or all of them."""
    known = list(known)
    # short axis names differ by much when judged by difflib's default of 0.6
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else f"choose from: {', '.join(known)}"


def explain(error: ValidationError, *inside: str) -> str:
    """One sentence for the first thing that is wrong; `inside` names what the value is part of."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in (*inside, *first["loc"]))
    if first["type"] == "literal_error":
        known = first["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        return f"{where} cannot be {first['input']!r}: {nearest(str(first['input']), known)}"
    reason = first["msg"].removeprefix("Value error, ")
    if not where:
        return f"these settings do not fit together: {reason}"
    return f"{where} cannot be {first['input']!r}: {reason[0].lower()}{reason[1:]}"
