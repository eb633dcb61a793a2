"""What users' functions return, as what it should be; else a `NonsenseError` says what it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf, isnan, nan
from numbers import Real
from typing import Any

from ablations.errors import quoted
from ablations.study.calls import NonsenseError
from ablations.study.presentation import Presentation


def as_sentences(found: Any) -> list[str]:
    """Sentences, one or several or none."""
    told = [found] if isinstance(found, str) else list(found or ())
    if not all(isinstance(one, str) for one in told):
        raise NonsenseError(f"returned {quoted(found)}, which are no sentences")
    return told


def as_texts(found: Any) -> tuple[str, ...]:
    """A list of texts; a text alone would be one of its letters."""
    if not isinstance(found, str | Mapping) and isinstance(found, Iterable):
        texts = tuple(found)
        if all(isinstance(one, str) for one in texts):
            return texts
    raise NonsenseError(f"returned {quoted(found)}, which is no list of texts")


def as_presentation(found: Any) -> Presentation:
    """A presentation."""
    if not isinstance(found, Presentation):
        raise NonsenseError(f"returned {quoted(found)}, which is no Presentation")
    return found


def as_seconds(found: Any) -> float:
    """A number of seconds; NaN where there is no telling."""
    seconds = float(found) if isinstance(found, Real) else -1.0
    if seconds == inf:  # of settings without measure
        return nan
    if not (isnan(seconds) or seconds >= 0):
        raise NonsenseError(f"returned {found!r}, which is no number of seconds")
    return seconds
