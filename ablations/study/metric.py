"""Numbers that runs tell, and tables of them: names, units, and which are better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ablations.errors import UserError
from ablations.study.fields import check_fields

Goal = Literal["maximize", "minimize"]  # Optuna's words


@dataclass(frozen=True)
class Metric:
    """A number that a run returns, or a column of its table.

    Attributes:
        name: as the run has it.
        words: what figures call it; empty: the name.
        unit: in which it is shown, such as `%` or `s`; empty: it has none.
        goal: whether more of it is better, or less; None: neither.
        factor: what a number is multiplied by to be in `unit`: 100 for shares in percent.
        bits: of a score that is the share of test items which came out right: the column that
            keeps which, one bit an item in the order of `Table.items`, as `numpy.packbits` packs.
    """

    name: str
    words: str = ""
    unit: str = ""
    goal: Goal | None = None
    factor: float = 1.0
    bits: str = ""

    def __post_init__(self) -> None:
        check_fields(self, f"metric {self.name!r}")

    @property
    def label(self) -> str:
        """What axes and headings call it, with the unit."""
        return (self.words or self.name) + (f" ({self.unit})" if self.unit else "")

    @property
    def difference_unit(self) -> str:
        """The unit of differences: percentage points of percent."""
        return "points" if self.unit == "%" else self.unit


@dataclass(frozen=True)
class Table:
    """A table that every run keeps with `Attempt.save_table`, of which each row is one result.

    Attributes:
        name: of the table.
        row: the column that says which row it is: rows of two runs that agree in it are compared.
        scores: columns that can be compared; the first is drawn.
        cost: the column over which scores are drawn, if rows have a cost.
        marked: a column of truths: rows that stand out, such as networks that others derive from.
        items: the column that tells which items the rows were tested on, each row alike: numbers
            that say the same item in all runs, as bytes of little-endian 32-bit integers. With it
            and `Metric.bits`, intervals hold what other items of the kind would have changed.
    """

    name: str
    row: str
    scores: tuple[Metric, ...]
    cost: Metric | None = None
    marked: str | None = None
    items: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.scores, list):
            object.__setattr__(self, "scores", tuple(self.scores))
        check_fields(self, f"table {self.name!r}")
        if not self.scores:
            raise UserError(f"table {self.name!r}: scores names no column")
