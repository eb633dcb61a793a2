"""A configuration is written down as JSON: what its function gets is what comes back from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from ablations.errors import UserError, quoted
from ablations.study.experiment import Experiment


def check_round_trip(experiment: Experiment, config: Any) -> None:
    """Refuse a configuration that would come back as another one.

    Two such would share one key and so one run, or the function would get values of other types.

    Raises:
        UserError: names the setting, what it is, and what would come back.
    """
    dumped = experiment.dump(config)
    back = experiment.resolve(dumped)
    for name in experiment.settings:
        value, found = getattr(config, name), getattr(back, name)
        called = f"experiment {quoted(experiment.name)}: {name} cannot be {quoted(value)}: "
        if _has_set(value):
            raise UserError(
                f"{called}a set has no order in which it could be written down, so its run would "
                "not be found again; make it a tuple"
            )
        if not _same(value, found):
            raise UserError(
                f"{called}written down it is {quoted(dumped.get(name))}, which is read as "
                f"{quoted(found)}; give the setting a type that tells its values apart, such as "
                "classes of which each has a field `kind: Literal[...]`"
            )


def _has_set(value: Any) -> bool:
    if isinstance(value, set | frozenset):
        return len(value) > 1
    return any(map(_has_set, _parts(value)))


def _same(one: Any, other: Any) -> bool:
    """Whether two values are equal, of one type in all parts, and not-a-number like itself."""
    if type(one) is not type(other):
        return False
    parts, others = _parts(one), _parts(other)
    if parts or others:
        return len(parts) == len(others) and all(map(_same, parts, others))
    return bool(one == other) or (one != one and other != other)


def _parts(value: Any) -> list[Any]:
    if is_dataclass(value) and not isinstance(value, type):
        return [getattr(value, item.name) for item in fields(value) if item.compare]
    if isinstance(value, Mapping):
        return [part for pair in value.items() for part in pair]
    return list(value) if isinstance(value, list | tuple) else []
