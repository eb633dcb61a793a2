"""Metrics as runs tell them: numbers by name, made plain before they are kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

from ablations.errors import UserError, in_one_line, quoted

METRIC_NAME = re.compile(r"(?=.*\S)[\w\-. /:]+")  # what tracking stores take
EXAMPLE = "{'accuracy': 0.9}"


def plain_number(value: Any) -> int | float | None:
    """A number as JSON has it; None where it is none.

    Arguments:
        value: a number, or an array or a tensor of one element, as numpy, torch and others have
            them: they are known by their `item`, so that none of these is imported.
    """
    item = None if isinstance(value, Real) else getattr(value, "item", None)
    try:
        value = item() if callable(item) else value
        if not isinstance(value, Real):
            return None
        number = float(value)  # of digits by the hundreds there is none
    except Exception:  # of several elements, or of whatever class has an `item`
        return None
    return int(value) if isinstance(value, Integral) else number


def plain_metrics(metrics: Any, giver: str, came: str) -> dict[str, int | float]:
    """Metrics by name as plain numbers; True is 1.

    Arguments:
        giver: begins the sentence that tells what was expected, such as `run.log takes`.
        came: begins what is said of anything else, such as `it got`.

    Raises:
        UserError: they are no numbers by name, or a name has characters that tracking stores do
            not take.
    """
    if not isinstance(metrics, Mapping):
        raise UserError(f"{giver} metrics by name, such as {EXAMPLE}; {came} {_told(metrics)}")
    plain: dict[str, int | float] = {}
    for name, value in metrics.items():
        if not isinstance(name, str) or not METRIC_NAME.fullmatch(name):
            raise UserError(
                f"{giver} metrics by name, such as {EXAMPLE}; {came} the name {_told(name)}: use "
                "letters, digits, _ - . / : and spaces"
            )
        number = plain_number(value)
        if number is None:
            raise UserError(
                f"{giver} numbers by name, such as {EXAMPLE}; {came} {_told(value)} as {name}"
            )
        plain[str(name)] = number
    return plain


def _told(value: Any) -> str:
    return in_one_line(quoted(value))
