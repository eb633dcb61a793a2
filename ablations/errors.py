"""What a user did wrong, said in one sentence."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake that the user can mend. Shown as one line, without a traceback; exit code 2."""


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint to end a sentence with: the known word nearest to `word`, or all of them."""
    known = list(known)
    # short axis names differ by much when judged by difflib's default of 0.6
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else f"choose from: {', '.join(known)}"
