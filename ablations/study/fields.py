"""Whether what a study file makes holds what it should, told where it is made."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any, get_type_hints

from ablations.errors import UserError, explain

if TYPE_CHECKING:
    from pydantic import TypeAdapter


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
        try:
            adapter.validate_python(getattr(thing, name), strict=True)
        except ValidationError as error:
            raise UserError(f"{called}: {explain(error, getattr(thing, name), name)}") from None


@cache
def _adapters(kind: Any) -> dict[str, TypeAdapter[Any]]:
    from pydantic import TypeAdapter

    hints = get_type_hints(kind, include_extras=True)
    return {field.name: TypeAdapter(hints[field.name]) for field in fields(kind)}
