"""What a user did wrong, said in one sentence."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ablations.uris import without_secrets

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails


EXIT_FAILED_RUNS = 1
EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130

NEAR = 0.6  # how alike words are, from 0 to 1, for one to be meant for the other
LISTED = 40  # known words that a sentence lists
LONGEST_VALUE, LONGEST_WORD, LONGEST_LINE = 80, 300, 1000  # characters


class UserError(Exception):
    """A mistake that the user can mend. Shown as one line, without a traceback; exit code 2.

    Its message never holds the secrets of an address, wherever it is shown.
    """

    def __init__(self, message: str) -> None:
        super().__init__(without_secrets(message))


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint to end a sentence with: the known word nearest to `word`, or all where none is near.

    A word that is far off would mislead, the list does not.
    """
    known = [str(one) for one in known]
    close = difflib.get_close_matches(word, known, n=1, cutoff=NEAR)
    if close:
        return f"did you mean {close[0]}?"
    more = f", ... ({len(known)} in all)" if len(known) > LISTED else ""
    return f"choose from: {', '.join(known[:LISTED])}{more}"


def cut(text: str, longest: int) -> str:
    """`text` with its middle left out where it is longer than a sentence bears."""
    half = longest // 2
    return text if len(text) <= longest else f"{text[:half]}...{text[-half:]}"


def quoted(value: Any) -> str:
    """A value as Python writes it, cut."""
    try:
        return cut(repr(value), LONGEST_VALUE)
    except ValueError:  # a number of thousands of digits
        return "a number of thousands of digits"


def in_one_line(message: str) -> str:
    """A message that may quote what a user or another program wrote, whatever that was."""
    return re.sub(r"\S+", lambda word: cut(word[0], LONGEST_WORD), " ".join(message.split()))


def excerpt(message: str) -> str:
    """What of a message one line bears, without secrets: a run's own may be of any length."""
    return cut(in_one_line(without_secrets(message)), LONGEST_LINE)


# what should stand there, by the type of pydantic's error; of others pydantic's own words are told
_SHOULD_BE = {
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number"),
    "int_parsing_size": "a number of fewer digits",
    **dict.fromkeys(("float_type", "float_parsing", "decimal_type"), "a number"),
    **dict.fromkeys(("decimal_parsing", "fraction_type", "fraction_parsing"), "a number"),
    "finite_number": "a finite number",
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    **dict.fromkeys(("string_type", "string_sub_type"), "text"),
    **dict.fromkeys(
        ("list_type", "tuple_type", "iterable_type", "deque_type"), "a list, such as [1, 2]"
    ),
    **dict.fromkeys(("set_type", "frozen_set_type"), "a list, such as [1, 2]"),
    **dict.fromkeys(
        ("dict_type", "mapping_type", "frozen_dict_type", "ordered_dict_type", "model_type"),
        'names with values, such as {"name": 1}',
    ),
    **dict.fromkeys(
        ("dataclass_type", "model_attributes_type"),
        'settings with values, such as {"name": 1}',
    ),
    "none_required": "left out (null)",
    "path_type": "a path",
}
_SUBJECT = re.compile(r"^(Input|Value|String|Data|Tuple|List|Set|Frozenset|Dictionary)\b")
_UNKNOWN_NAME = ("extra_forbidden", "unexpected_keyword_argument")  # types of pydantic's errors
_OF_NAMES = (*_UNKNOWN_NAME, "missing")  # about a name, not about its value


Place = Sequence[int | str]  # the names and indices that lead to a value
Found = tuple[Place, "ErrorDetails"]


def explain(
    error: ValidationError,
    given: Any,
    *inside: str,
    known: Callable[[Place], Sequence[str]] = lambda place: (),
) -> str:
    """One sentence for what is wrong with `given`.

    Arguments:
        inside: names what `given` is part of.
        known: tells the names that may stand at a place within `given`, for hints.
    """
    found = [(_place(one, given), one) for one in error.errors(include_url=False)]
    place, first = _telling(found, known)
    where = ".".join((*inside, *map(str, place)))
    if first["type"] in _OF_NAMES:
        outer, name = ".".join((*inside, *map(str, place[:-1]))), str(place[-1])
        if first["type"] == "missing":
            name = f"value {int(name) + 1}" if name.isdigit() else name
            return f"{outer} needs {name}" if outer else f"{name} is missing"
        names = known(place[:-1])
        hint = f": {nearest(name, names)}" if names and name not in names else ""
        return f"{outer or 'this'} has no setting {quoted(name)}{hint}"
    # the same place has several errors where it may be of several types
    rivals = [one for at, one in found if at == place and one["type"] not in _OF_NAMES]
    reason = _joined(list(dict.fromkeys(map(_reason, rivals))))
    if first["type"] in ("value_error", "assertion_error") and isinstance(first["input"], Mapping):
        told = f"these settings do not fit together: {reason}"
        return f"{where}: {told}" if where else told
    return f"{where or 'this'} cannot be {quoted(first['input'])}: {reason}"


def _telling(found: Sequence[Found], known: Callable[[Place], Sequence[str]]) -> Found:
    """The error that tells most.

    A name that nobody knows tells more than the name that is missing instead of it; of several
    types that were tried, the one that fits but for the fewest errors was meant.
    """
    for place, one in found:
        if one["type"] in _UNKNOWN_NAME and place[-1] not in known(place[:-1]):
            return place, one
    counts = Counter(one["loc"][:-1] for _, one in found)
    return min(found, key=lambda item: counts[item[1]["loc"][:-1]])


def _place(error: ErrorDetails, given: Any) -> Place:
    """The names that lead to an error; pydantic also has there which type of several it tried."""
    place: list[int | str] = []
    for part in error["loc"]:
        if part in _keys(given):
            given = given[part]
            place.append(part)
    return [*place, error["loc"][-1]] if error["type"] == "missing" else place


def _keys(given: Any) -> Iterable[int | str]:
    if isinstance(given, Mapping):
        return given.keys()
    return range(len(given)) if isinstance(given, list | tuple) else ()


def _reason(error: ErrorDetails) -> str:
    """What should stand there instead, or why it cannot."""
    kind, context = error["type"], error.get("ctx", {})
    if kind in ("literal_error", "enum"):
        known = context["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        return nearest(str(error["input"]), known)
    if kind == "float_type" and isinstance(error["input"], int):
        kind = "int_parsing_size"
    if kind == "dataclass_exact_type":
        return f"it should be of the class {context['class_name']}"
    if kind in _SHOULD_BE:
        return f"it should be {_SHOULD_BE[kind]}"
    text = error["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    text = _SUBJECT.sub("it", text).replace(" after validation", "")
    return f"{text[:1].lower()}{text[1:]}"


def _joined(reasons: Sequence[str]) -> str:
    """Alternatives as one: it should be a whole number or text."""
    first, *others = reasons
    return " or ".join([first, *(one.removeprefix("it should be ") for one in others)])
