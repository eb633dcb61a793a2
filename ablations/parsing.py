"""What is written on the command line: numbers, durations, `NAME=VALUE`."""

from __future__ import annotations

import json
import re
from collections import Counter
from math import isfinite
from typing import Any

from ablations.errors import UserError

FACTORS = {"K": 1e3, "M": 1e6, "G": 1e9}
SECONDS = {"s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
DEEPEST = 100  # objects and lists inside each other; about twice as many cannot be written


def parse_count(text: str) -> float:
    """A number that may end in K, M or G: `4.6G` to 4.6e9.

    Raises:
        ValueError: it is none, or has no end.
    """
    factor = FACTORS.get(text[-1:].upper(), 1.0)
    count = float(text if factor == 1.0 else text[:-1]) * factor
    if not isfinite(count):
        raise ValueError(f"{text} is no finite number")
    return count


def parse_seconds(text: str) -> float:
    """Seconds of a duration such as `90`, `90s`, `10min`, `2h`, `1.5d` or `1h 30min`.

    Raises:
        UserError: it is none.
    """
    part = r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d)?"
    if not re.fullmatch(rf"\s*{part}(\s*{part})*\s*", text, re.ASCII):
        raise UserError(f"{text!r} is no duration: write such as 90s, 10min, 2h or 1d")
    return sum(float(number) * SECONDS[unit or "s"] for number, unit in re.findall(part, text))


def parse_pairs(option: str, pairs: tuple[str, ...], like: str = "NAME=VALUE") -> dict[str, str]:
    """`name=value` by name.

    Raises:
        UserError: one does not read so, or a name comes twice.
    """
    parsed: dict[str, str] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not (name and equals and text):
            raise UserError(f"{option} {pair} should read {like}")
        if name in parsed:
            raise UserError(f"{option} {name} is given twice: {parsed[name]} and {text}")
        parsed[name] = text
    return parsed


def parse_changes(changes: tuple[str, ...]) -> dict[str, list[Any]]:
    """`name=value,value` to values by name; a value that is a JSON object or list stays whole.

    Raises:
        UserError: one does not read so, or a name comes twice.
    """
    pairs = parse_pairs("--set", changes, "AXIS=VALUE, for example init=kaiming")
    return {
        name: [_parse_json(name, text)] if text[0] in "[{" else text.split(",")
        for name, text in pairs.items()
    }


def _parse_json(name: str, text: str) -> Any:
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)
        if _depth(found) <= DEEPEST:
            return found
        reason = "it has too many brackets"
    except RecursionError:
        reason = "it has too many brackets"
    except ValueError as error:  # of JSON, or a number of thousands of digits
        reason = str(error)
    raise UserError(f"--set {name}: not valid JSON: {reason}")


def _depth(value: Any) -> int:
    """How many objects and lists lie inside each other."""
    inner = (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    )
    return 0 if inner is None else 1 + max(map(_depth, inner), default=0)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; of a name that comes twice Python's reader would silently take the last."""
    counts = Counter(name for name, _ in pairs)
    twice = next((name for name, count in counts.items() if count > 1), None)
    if twice is not None:
        raise ValueError(f"{twice!r} is there twice")
    return dict(pairs)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")
