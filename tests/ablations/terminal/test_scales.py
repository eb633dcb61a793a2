"""Scales side by side: what differs is shown in a few words, what all share is not."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

from rich.console import Console

from ablations.study.experiment import Experiment
from ablations.terminal.scales import scales_tables
from helpers.toy import STUDY
from studies.experiments.stitching import STITCHING

WIDE = 1000


def cells(table):
    """The rows by their first cell."""
    columns = [list(column.cells) for column in table.columns]
    return {row[0]: row[1:] for row in zip(*columns, strict=True)}


def test_only_what_differs_is_shown():
    (table,) = scales_tables(STUDY.experiment, WIDE)
    assert [column.header for column in table.columns] == [
        *("setting", "small\nparabola", "large\nparabola")
    ]
    assert cells(table) == {"pause": ("0.0", "0.001")}


@dataclass(frozen=True)
class Config:
    names: list[dict[str, str]] = field(default_factory=list)
    options: dict[str, int] = field(default_factory=dict)
    limit: int | None = None
    seed: int = 0


def test_values_are_brief():
    named = [{"name": "one", "of": "much"}, {"name": "two", "of": "more"}]
    scales = {"a": {"x": {}, "y": {"names": named, "options": {"on": 1, "off": 0}, "limit": 3}}}
    experiment = Experiment("brief", Config, lambda config, run: {}, scales=scales)
    (table,) = scales_tables(experiment, WIDE)
    assert cells(table) == {
        "names": ("", "one, two"),
        "options": ("", "on 1"),
        "limit": ("-", "3"),
    }


def test_the_real_experiment_fills_a_column_for_each_family():
    (table,) = scales_tables(STITCHING, WIDE)
    families = [family for families in STITCHING.scales.values() for family in families]
    assert len(table.columns) == 1 + len(families)
    rows = cells(table)
    assert rows.keys() <= set(STITCHING.settings)
    assert all(len(set(row)) > 1 for row in rows.values())
    assert "anchors" in rows
    assert "seed" not in rows


def test_in_a_narrow_terminal_scales_come_below_each_other_and_names_stay_whole():
    output = io.StringIO()
    tables = list(scales_tables(STITCHING, 80))
    Console(file=output, width=80).print(*tables)
    (whole,) = scales_tables(STITCHING, WIDE)
    shown = [column.header for table in tables for column in table.columns[1:]]
    assert shown == [column.header for column in whole.columns[1:]]
    assert output.getvalue().count("subnetworks_per_step") == len(tables) > 1
