"""What is written on the command line: numbers, durations, `NAME=VALUE`."""

from __future__ import annotations

import json
import re
from typing import Any

from ablations.errors import UserError

FACTORS = {"K": 1e3, "M": 1e6, "G": 1e9}
SECONDS = {"s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_count(text: str) -> float:
    """A number that may end in K, M or G: `4.6G` to 4.6e9.

    Raises:
        ValueError: it is none.
    """
    factor = FACTORS.get(text[-1:].upper(), 1.0)
    return float(text if factor == 1.0 else text[:-1]) * factor


def parse_seconds(text: str) -> float:
    """Seconds of a duration such as `90`, `90s`, `10min`, `2h`, `1.5d` or `1h 30min`.

    Raises:
        UserError: it is none.
    """
    part = r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d)?"
    if not re.fullmatch(rf"\s*{part}(\s*{part})*\s*", text):
        raise UserError(f"{text!r} is no duration: write such as 90s, 10min, 2h or 1d")
    return sum(float(number) * SECONDS[unit or "s"] for number, unit in re.findall(part, text))


def parse_pairs(option: str, pairs: tuple[str, ...]) -> dict[str, str]:
    """`name=value` by name."""
    parsed = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not text:
            raise UserError(f"{option} {pair} should read NAME=VALUE")
        parsed[name] = text
    return parsed


def parse_changes(changes: tuple[str, ...]) -> dict[str, list[Any]]:
    """`name=value,value` to values by name; a value that is a JSON object or list stays whole."""
    parsed: dict[str, list[Any]] = {}
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals or not text:
            raise UserError(f"--set {change} should read AXIS=VALUE, for example init=kaiming")
        if text[0] in "[{":
            try:
                parsed[name] = [json.loads(text)]
            except json.JSONDecodeError as error:
                raise UserError(f"--set {name}: not valid JSON: {error}") from None
        else:
            parsed[name] = text.split(",")
    return parsed
