"""Options of the form `NAME=VALUE`."""

from __future__ import annotations

import json
from typing import Any

from ablations.errors import UserError

FACTORS = {"K": 1e3, "M": 1e6, "G": 1e9}


def parse_count(text: str) -> float:
    """A number that may end in K, M or G: `4.6G` to 4.6e9.

    Raises:
        ValueError: it is none.
    """
    factor = FACTORS.get(text[-1:].upper(), 1.0)
    return float(text if factor == 1.0 else text[:-1]) * factor


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
