"""Ready-made settings, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.table import Table

from ablations.study.experiment import Experiment
from ablations.terminal.display import simple_table

NARROWEST = 14  # characters of a column that can still be read
GAP = 2  # between columns


def scales_tables(experiment: Experiment, width: int) -> Iterator[Table]:
    """The settings of every scale and family, one column each; what all share is left out.

    Arguments:
        width: of the terminal, in characters; what does not fit beside each other comes below.
    """
    columns = {
        f"{scale}\n{family}": experiment.dump(experiment.resolve(settings))
        for scale, families in experiment.scales.items()
        for family, settings in families.items()
    }
    rows = {
        name: [_brief(dumped[name]) for dumped in columns.values()] for name in experiment.settings
    }
    differing = {name: values for name, values in rows.items() if len(set(values)) > 1}
    left = width - max(map(len, ("setting", *differing)))
    beside = max(1, left // (NARROWEST + GAP))
    for first in range(0, len(columns), beside):
        part = slice(first, first + beside)
        table = simple_table("setting", *list(columns)[part])
        table.columns[0].no_wrap = True
        for name, values in differing.items():
            table.add_row(name, *values[part])
        yield table


def _brief(value: Any) -> str:
    """A setting in a few words: names for lists of named things, only what is set of a mapping."""
    if isinstance(value, list):
        return ", ".join(_brief(item) for item in value)
    if isinstance(value, dict):
        if "name" in value:
            return str(value["name"])
        return ", ".join(f"{name} {item}" for name, item in value.items() if item)
    return "-" if value is None else str(value)
