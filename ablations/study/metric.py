"""Numbers that runs tell, and tables of them: names, units, and which are better."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Literal

from ablations.errors import UserError, cut, quoted
from ablations.study.fields import check_fields, check_line

LONGEST = 100  # letters of a name, or of what is shown of it

Goal = Literal["maximize", "minimize"]  # Optuna's words


def apart(names: Iterable[str], taken: Iterable[str], kind: str) -> list[str]:
    """Names of users' things as columns beside those of ours: KIND.NAME where one is taken."""
    found = list(taken)
    own = len(found)
    for name in names:
        while name in found:
            name = f"{kind}.{name}"
        found.append(name)
    return found[own:]


@dataclass(frozen=True)
class Metric:
    """A number that a run returns, or a column of its table.

    Attributes:
        name: as the run has it.
        words: what figures call it; empty: the name, cut where it is long.
        unit: in which it is shown, such as `%` or `s`; empty: it has none.
        goal: whether more of it is better, or less; None: neither.
        factor: what a number is multiplied by to be in `unit`: 100 for shares in percent.
        bits: of a score that is the share of test items which came out right: the column that
            keeps which, one bit an item in the order of `Table.items`, as `numpy.packbits` packs.
        sometimes: whether some settings give runs without it, such as another task. Of the scores
            of a table the first that a run has counts.
    """

    name: str
    words: str = ""
    unit: str = ""
    goal: Goal | None = None
    factor: float = 1.0
    bits: str = ""
    sometimes: bool = False

    def __post_init__(self) -> None:
        called = f"metric {quoted(self.name)}"
        check_fields(self, called)
        check_line(self.name, f"the name of {called}")  # of any length: some are runs' own
        if not (isfinite(self.factor) and self.factor):
            raise UserError(f"{called}: factor cannot be {self.factor}: nothing could be read off")

    @property
    def title(self) -> str:
        """What figures call it, without the unit."""
        return self.words or cut(self.name, LONGEST)

    @property
    def label(self) -> str:
        """What axes and headings call it, with the unit."""
        return self.title + (f" ({self.unit})" if self.unit else "")

    @property
    def difference_unit(self) -> str:
        """The unit of differences: percentage points of percent."""
        return "points" if self.unit == "%" else self.unit


def check_titles(metrics: Sequence[Metric], called: str) -> None:
    """Refuse metrics that figures and claims could not tell apart.

    Raises:
        UserError: two have the same name, or are called the same.
    """
    for kind, names in {
        "names": [metric.name for metric in metrics],
        "calls": [metric.title for metric in metrics],
    }.items():
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise UserError(f"{called} {kind} two metrics {twice!r}: give one another name")


@dataclass(frozen=True)
class Table:
    """A table that every run keeps with `Attempt.save_table`, of which each row is one result.

    Attributes:
        name: of the table.
        row: the column that says which row it is: rows of two runs that agree in it are compared.
        scores: columns that can be compared; the first that a run has is drawn.
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
        called = f"table {quoted(self.name)}"
        check_fields(self, called)
        check_line(self.row, f"{called}: row", LONGEST)
        check_line(self.name, f"the name of {called}", LONGEST)
        if not self.scores:
            raise UserError(f"{called}: scores names no column")
        check_titles(self.scores, called)
