"""Runs as tables of pandas: what is told of them behind their seed and levels."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import pandas as pd
from pyarrow import ArrowException

from ablations.errors import UserError
from ablations.runs.directory import RunDirectory
from ablations.study.metric import apart
from ablations.study.plan import Cell, Plan


def by_run(
    asked: Plan,
    keys: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    kind: str = "run",
) -> pd.DataFrame:
    """A row a run: its seed and levels before what is told of it."""
    labels = [_levels(asked, asked.runs[key]) for key in keys]
    taken = label_names(asked)
    names = apart(dict.fromkeys(name for row in rows for name in row), taken, kind)
    told = pd.DataFrame(list(rows), pd.Index(list(keys), name="key"))
    told.columns = names
    return pd.concat([pd.DataFrame(labels, told.index, columns=taken[1:]), told], axis="columns")


def labelled(asked: Plan, key: str, rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows of one run behind its key, seed and levels."""
    labels = {"key": key, **_levels(asked, asked.runs[key])}
    index = pd.DataFrame({"row" if rows.index.name is None else rows.index.name: rows.index})
    rows = pd.concat([index, rows.reset_index(drop=True)], axis="columns")
    rows.columns = apart(map(str, rows.columns), labels, name)
    for place, (label, value) in enumerate(labels.items()):
        rows.insert(place, label, value)
    return rows


def label_names(asked: Plan) -> list[str]:
    """What the columns of key, seed and levels are called."""
    own = ["key", "seed"]
    return [*own, *apart(asked.axes, own, "axis")]


def _levels(asked: Plan, cell: Cell) -> dict[str, Any]:
    """Seed and levels of a cell; numbers and truths as such, where all levels of an axis are."""
    typed = {axis: _typed(labels) for axis, labels in asked.axes.items()}
    levels = [typed[axis][cell.levels[axis]] for axis in asked.axes]
    return dict(zip(label_names(asked)[1:], [cell.seed, *levels], strict=True))


def _typed(labels: Sequence[str]) -> dict[str, Any]:
    """What the labels of an axis stand for."""
    if set(labels) <= {"True", "False"}:
        return {label: label == "True" for label in labels}
    try:
        numbers = {label: json.loads(label) for label in labels}
    except ValueError:
        return {label: label for label in labels}
    plain = all(type(one) in (int, float) and isfinite(one) for one in numbers.values())
    return numbers if plain else {label: label for label in labels}


def read_rows(one: RunDirectory, name: str, binary: bool) -> pd.DataFrame:
    """A table of a finished run.

    Raises:
        UserError: it is not the one that was committed, or cannot be read.
    """
    one.check_tables()
    path = one.table(name)
    try:
        rows = pd.read_parquet(path)
    except (ArrowException, OSError) as error:  # of versions that kept no digests
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise UserError(f"{path} cannot be read: {reason}") from None
    return rows if binary else without_bytes(rows)


def without_bytes(rows: pd.DataFrame) -> pd.DataFrame:
    """The columns that hold no bytes, whatever their types: some, as categories, map to others."""
    return rows.loc[:, [not any(isinstance(one, bytes) for one in rows[name]) for name in rows]]
