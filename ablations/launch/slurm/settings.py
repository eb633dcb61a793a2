"""Settings of jobs as a user gives them, in tables or on the command line: their names and values.

A setting is called like a resource, or with its table: `mem`, `sbatch.constraint`,
`environment.NAME`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, time
from typing import Any

from ablations.errors import UserError, nearest, quoted
from ablations.launch.slurm.options import COMMANDS, KNOWN, kind, option_name, option_value
from ablations.launch.slurm.resources import RESOURCES, Resources, resource_value, variable

INNER = ("environment", *COMMANDS)  # resources that are tables

Settings = Mapping[str, Any]  # values by name


def setting_of_table(scope: Sequence[str], keys: Sequence[str], value: Any) -> tuple[str, Any]:
    """The name of a setting and its value, checked.

    Arguments:
        scope: the names of the table, such as `scale`, `imagenet`.
        keys: one name in it, or two where the first is one of `INNER`.

    Raises:
        ValueError: there is none of that name, or the value cannot be.
    """
    if isinstance(value, date | time):  # TOML has these, sbatch has not
        raise ValueError(f'write text in quotes: {keys[-1]} = "{value}"')
    if len(keys) == 2:
        return _inner(keys[0], keys[1], value)
    (name,) = keys
    if name in RESOURCES:
        return name, resource_value(name, value)
    if isinstance(value, dict) and scope[0] == "level":
        quoted = f'[level.{scope[1]}."{scope[2]}.{name}"]'
        raise ValueError(
            f"no resource {name!r}; names with a dot stand in quotes, such as {quoted}"
        )
    table = f"[{'.'.join(scope)}.sbatch]"
    if name.replace("_", "-") in KNOWN:
        raise ValueError(f"no resource {name!r}; options of sbatch go into {table}: {name} = ...")
    near = nearest(name, RESOURCES)
    raise ValueError(f"no resource {name!r}: {near}; options of sbatch go into {table}")


def setting_of_command_line(name: str, text: str) -> tuple[str, Any]:
    """A setting that `--resource NAME=TEXT` makes, as a table would have it.

    Raises:
        UserError: there is none of that name, or the value cannot be.
    """
    try:
        return _setting(name, text)
    except ValueError as error:
        raise UserError(f"--resource {name}={text}: {error}") from None


def _setting(name: str, text: str) -> tuple[str, Any]:
    table, dot, inner = name.partition(".")
    if dot and table in INNER:
        return _inner(table, inner, text)
    if name in INNER:
        raise ValueError(f"write --resource {name}.NAME=VALUE")
    if name in RESOURCES:
        return name, resource_value(name, text)
    known = {*RESOURCES, *KNOWN}
    option = name.replace("_", "-")
    if option not in known and difflib.get_close_matches(option, known, n=1):
        hint = f"{nearest(option, known)} Else write sbatch.{option}={text}"
        raise ValueError(f"no resource {name!r}: {hint}")
    return _inner("sbatch", name, text)


def _inner(table: str, name: str, value: Any) -> tuple[str, Any]:
    """A setting of one of the inner tables; raises ValueError."""
    if table == "environment":
        return f"{table}.{name}", variable(name, value)
    option = option_name(table, name)
    try:
        return f"{table}.{option}", option_value(value)
    except ValueError as error:
        raise ValueError(f"{option} cannot be {quoted(value)}: {error}") from None


def joined(layers: Iterable[Settings]) -> Resources:
    """What these settings make together; later ones take the place of earlier ones of their kind.

    Raises:
        ValueError: values do not fit together.
    """
    settings: dict[str, Any] = {}
    for layer in layers:
        replaced = {kind(*item) for item in layer.items()}
        settings = {
            name: value for name, value in settings.items() if kind(name, value) not in replaced
        }
        settings |= layer
    tables: dict[str, Any] = {name: {} for name in INNER}
    for name in [name for name in settings if "." in name]:
        table, _, inner = name.partition(".")
        tables[table][inner] = settings.pop(name)
    return Resources(**settings, **tables)
