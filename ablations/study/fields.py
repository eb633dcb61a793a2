"""Whether what a study file makes holds what it should, told where it is made."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any, get_type_hints
from unicodedata import category

from ablations.errors import UserError, explain

if TYPE_CHECKING:
    from pydantic import TypeAdapter

NO_LINE = ("Cc", "Cs", "Zl", "Zp")  # control characters, halves of characters, ends of lines


def check_fields(thing: Any, called: str) -> None:
    """Refuse a dataclass with a field that its annotation does not allow; nothing is converted.

    Arguments:
        called: how messages call it.

    Raises:
        UserError: names the first such field.
    """
    from pydantic import ValidationError

    kind: Any = type(thing)
    for name, adapter in _adapters(kind).items():
        value = getattr(thing, name)
        try:
            adapter.validate_python(value, strict=True)
        except ValidationError as error:
            raise UserError(f"{called}: {explain(error, value, name)}") from None
        if isinstance(value, str) and _has(value, "Cs"):
            raise UserError(f"{called}: {name} holds half a character, which no file can hold")


def check_line(text: str, what: str, longest: int | None = None) -> None:
    """Refuse a name that tables, files and tracking stores cannot show as it is.

    Raises:
        UserError: it is empty, too long, or not one line.
    """
    if not text.strip():
        raise UserError(f"{what} is empty: give it a name")
    if longest is not None and len(text) > longest:
        raise UserError(f"{what} has {len(text):,} letters, more than {longest}: give it a name")
    if _has(text, *NO_LINE):
        raise UserError(f"{what} is not one line of text: give it a name")


def _has(text: str, *categories: str) -> bool:
    """Whether a character is of one of these categories of Unicode."""
    return any(category(letter) in categories for letter in text)


@cache
def _adapters(kind: Any) -> dict[str, TypeAdapter[Any]]:
    from pydantic import TypeAdapter

    hints = get_type_hints(kind, include_extras=True)
    return {field.name: TypeAdapter(hints[field.name]) for field in fields(kind)}
