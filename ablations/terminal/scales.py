"""Ready-made settings, side by side."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from ablations.study.experiment import Experiment
from ablations.terminal.display import simple_table


def scales_table(experiment: Experiment) -> Table:
    """The settings of every scale and family, one column each; what all share is left out."""
    columns = {
        f"{scale}\n{family}": experiment.dump(experiment.resolve(settings))
        for scale, families in experiment.scales.items()
        for family, settings in families.items()
    }
    table = simple_table("setting", *columns)
    for name in experiment.settings:
        values = [_brief(dumped[name]) for dumped in columns.values()]
        if len(set(values)) > 1:
            table.add_row(name, *values)
    return table


def _brief(value: Any) -> str:
    """A setting in a few words: names for lists of named things, only what is set of a mapping."""
    if isinstance(value, list):
        return ", ".join(_brief(item) for item in value)
    if isinstance(value, dict):
        if "name" in value:
            return str(value["name"])
        return ", ".join(f"{name} {item}" for name, item in value.items() if item)
    return "-" if value is None else str(value)
