"""What a study claims, in words and as a test of tracked runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any, Literal

from ablations.errors import UserError, quoted
from ablations.study.fields import check_fields, check_line

LONGEST_WORDS = 1000  # letters of a claim
Relation = Literal["greater", "equivalent"]
Statistic = Literal["mean", "share"]


@dataclass(frozen=True)
class Claim:
    """A claim about one setting, or about the difference between two.

    Both settings are named by levels; axes that are not named stay at the baseline. A level is
    given by its label, or by a value that is or gives it; the study makes labels of values.

    Attributes:
        words: the claim, as one would say it.
        measure: what is compared; one of `reports.data.measures`.
        at: levels by axis of the setting that the claim is about.
        than: of the setting that it is compared with; None: with zero.
        relation: whether the effect is `greater` than `margin`, or `equivalent` to zero within it.
        margin: in the unit of the measure, percentage points for accuracies.
        statistic: the effect is the `mean` over the rows of the result table, or the `share` of
            rows with a positive difference, in percent over 50.
        source: where the claim is made; empty: nowhere that reports should name.
        pairing: the column by which rows of both settings are paired, one of the experiment's
            `pairings`; empty: the first of them.
    """

    words: str
    measure: str
    at: Mapping[str, Any] = field(default_factory=dict)
    than: Mapping[str, Any] | None = None
    relation: Relation = "greater"
    margin: float = 0.0
    statistic: Statistic = "mean"
    pairing: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        called = f"claim {quoted(self.words)}"
        check_fields(self, called)
        check_line(self.words, f"the words of {called}", LONGEST_WORDS)
        check_line(self.measure, f"{called}: its measure", LONGEST_WORDS)
        if not isfinite(self.margin):
            raise UserError(f"{called}: margin cannot be {self.margin}: it should be a number")
        if self.relation == "equivalent" and self.margin <= 0:
            raise UserError(f"{called}: equivalence needs a margin above 0")

    @property
    def levels(self) -> tuple[tuple[str, Any], ...]:
        """Every axis with a level that the claim names."""
        return (*self.at.items(), *(self.than or {}).items())

    def labelled(self, label: Callable[[str, Any], str]) -> Claim:
        """The claim with every level as `label` says, given the axis and the level."""

        def labels(levels: Mapping[str, Any]) -> dict[str, str]:
            return {axis: label(axis, level) for axis, level in levels.items()}

        than = None if self.than is None else labels(self.than)
        return replace(self, at=labels(self.at), than=than)
