"""Whether values are of a type, at every depth: no unknown name, no number without end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cached_property
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import SchemaValidator

from ablations.errors import Place, UserError, explain
from ablations.study.calls import NonsenseError

LARGEST = 2**63 - 1  # of whole numbers: what numpy, torch and tracking stores take
_NAMED = ("dataclass", "typed-dict", "model")  # what has names of its own
WRITTEN = {"written": True}  # marks what takes values as they are written, see `_by_text`
_VALUES = ("default", "expected", "metadata")  # parts of a schema that are no schemas


class Validator:
    """Checks values of one type, such as the dataclass of an experiment's settings.

    Stricter than pydantic, which knows of each class alone whether unknown names are refused, and
    lets them pass where it does not say: a misspelt setting would be left out silently.
    """

    def __init__(self, kind: Any) -> None:
        """Take a type, or an annotation."""
        self.kind = kind

    @cached_property
    def _validator(self) -> SchemaValidator:
        try:
            adapter = TypeAdapter(self.kind)
            adapter.rebuild()  # tells of names that stand for no type
            return SchemaValidator(_strict(adapter.core_schema))
        except (PydanticUserError, NameError) as error:
            reason = next(iter(str(error).splitlines()))
            raise NonsenseError(f"cannot be of type {self.kind}: {reason}") from error

    def validate(self, given: Any, *inside: str) -> Any:
        """`given` as a value of the type.

        Arguments:
            inside: names what it is part of, for messages.

        Raises:
            UserError: it is none; says where, and which name is near one that is unknown.
        """
        try:
            return self._validator.validate_python(given)
        except ValidationError as error:
            raise UserError(explain(error, given, *inside, known=self.names)) from None
        except RecursionError:
            raise UserError(f"{'.'.join(inside) or 'this'} is nested too deeply") from None

    def names(self, place: Place) -> list[str]:
        """The names that may stand at a place within a value."""
        kinds = list(_classes(self.kind))
        for part in place:
            hints = [get_type_hints(one, include_extras=True) for one in kinds]
            inner = [one[str(part)] for one in hints if part in one]
            kinds = [found for one in inner for found in _classes(one)] or kinds
        return [name for one in kinds for name in _fields(one)]


def takes_text(kind: Any) -> bool:
    """Whether a text can be of a type, perhaps one of several."""
    if hasattr(kind, "__value__"):  # another name of a type
        return takes_text(kind.__value__)
    if get_origin(kind) is Literal:
        return any(isinstance(one, str) for one in get_args(kind))
    if get_origin(kind) is Annotated:
        return takes_text(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return any(map(takes_text, get_args(kind)))
    return kind is Any or (isinstance(kind, type) and issubclass(kind, str))


def _strict(schema: Any) -> Any:
    """A copy of pydantic's schema that lets less pass where the type says nothing else."""
    if isinstance(schema, list | tuple):
        return type(schema)(_strict(one) for one in schema)
    if not isinstance(schema, dict):
        return schema
    kind = schema.get("type")
    if not isinstance(kind, str):  # schemas by name
        return {name: _strict(one) for name, one in schema.items()}
    copy = {name: one if name in _VALUES else _strict(one) for name, one in schema.items()}
    if copy.get("extra_behavior") == "ignore":
        copy["extra_behavior"] = "forbid"
    if kind in _NAMED:
        copy["config"] = {"extra_fields_behavior": "forbid", **(schema.get("config") or {})}
    elif kind == "enum":
        copy = _by_text(copy, [one.value for one in schema["members"]])
    elif kind == "literal":
        copy = _by_text(copy, schema["expected"])
    elif kind == "union":  # a text may be meant as one there
        copy["choices"] = [
            one["schema"] if isinstance(one, dict) and one.get("metadata") == WRITTEN else one
            for one in copy["choices"]
        ]
    elif kind == "float":
        copy.setdefault("allow_inf_nan", False)
    elif kind == "int":
        copy |= {} if {"le", "lt"} & copy.keys() else {"le": LARGEST}
        copy |= {} if {"ge", "gt"} & copy.keys() else {"ge": -LARGEST}
    return copy


def _by_text(schema: dict[str, Any], values: Sequence[Any]) -> dict[str, Any]:
    """A schema that also takes values that are no texts as the command line writes them."""
    named = {str(one): one for one in values if not isinstance(one, str) and str(one) not in values}

    def meant(given: Any) -> Any:
        return named.get(given, given) if isinstance(given, str) else given

    outer = {"ref": schema.pop("ref")} if "ref" in schema else {}
    function = {"type": "no-info", "function": meant}
    wrapped = {"type": "function-before", "function": function, "schema": schema}
    return {**wrapped, "metadata": WRITTEN, **outer}


def _classes(hint: Any) -> Iterator[type]:
    """The classes with names of their own in an annotation."""
    if _fields(hint):
        yield hint
    for one in get_args(hint):
        yield from _classes(one)


def _fields(kind: Any) -> list[str]:
    if isinstance(kind, type) and is_dataclass(kind):
        return [item.name for item in fields(kind) if item.init]
    if hasattr(kind, "__required_keys__"):  # a TypedDict, of typing or typing_extensions
        return list(kind.__annotations__)
    models: Mapping[str, Any] = getattr(kind, "model_fields", {})
    return list(models)
