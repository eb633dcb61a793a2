"""Whether what is annotated to come back from a function can be metrics."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from types import NoneType, SimpleNamespace, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from ablations.errors import UserError
from ablations.runs.metrics import EXAMPLE
from ablations.study.calls import source_of

NO_NUMBERS = (str, bytes, NoneType, Mapping, list, tuple, set, frozenset)


def check_annotation(function: Callable[..., Any], called: str) -> None:
    """Refuse a function that is annotated to return what cannot be numbers by name.

    Without an annotation, or with one that cannot be resolved here, it passes.

    Arguments:
        called: how messages call whose function it is.

    Raises:
        UserError: tells where the function is.
    """
    function = _innermost(function)
    given = getattr(function, "__annotations__", {}).get("return", Any)
    alone = SimpleNamespace(__annotations__={"return": given})
    known = getattr(function, "__globals__", {})
    hint = Any
    with suppress(Exception):  # names that only type checkers import
        hint = get_type_hints(alone, globalns=known)["return"]
    if not any(map(_may_be_metrics, _alternatives(hint))):
        text = given if isinstance(given, str) else inspect.formatannotation(given)
        raise UserError(
            f"{called}: its function ({source_of(function)}) is annotated to return {text}; it "
            f"should return metrics by name, such as {EXAMPLE}"
        )


def _innermost(function: Callable[..., Any]) -> Callable[..., Any]:
    """What is called in the end: inside of partials and decorators, or of an object's class."""
    while isinstance(function, partial):
        function = function.func
    function = inspect.unwrap(function)
    plain = inspect.isroutine(function) or inspect.isclass(function)
    return function if plain else type(function).__call__


def _alternatives(hint: Any) -> Iterator[Any]:
    if get_origin(hint) in (Union, UnionType):
        for one in get_args(hint):
            yield from _alternatives(one)
    else:
        yield hint


def _may_be_metrics(hint: Any) -> bool:
    kind = get_origin(hint) or hint
    if _is_subclass(kind, Mapping):
        names, values = [*get_args(hint), Any, Any][:2]
        named = any(_may_be(str, one) for one in _alternatives(names))
        return named and not all(_is_subclass(one, NO_NUMBERS) for one in _alternatives(values))
    return _may_be(dict, kind)


def _may_be(kind: type, hint: Any) -> bool:
    """Whether a value of this class may be of a type that nobody knows to be another."""
    if hint is Any or not isinstance(hint, type):
        return True
    return _is_subclass(hint, kind) or _is_subclass(kind, hint)


def _is_subclass(kind: Any, of: Any) -> bool:
    with suppress(TypeError):  # of protocols, and of what is no class
        return issubclass(get_origin(kind) or kind, of)
    return False
