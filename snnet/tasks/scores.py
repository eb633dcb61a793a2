"""Names, units and directions of scores. Torch-free: experiments and reports are told by them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Score:
    """A number of a sub-network, from what was right or wrong with each example.

    Attributes:
        name: of its column.
        words: for people, at the start of a label.
        unit: of the number times `factor`.
        goal: which direction is better.
        bits: the column with one bit an example, where examples are right or wrong.
    """

    name: str
    words: str
    unit: str
    goal: Literal["maximize", "minimize"]
    factor: float = 1.0
    bits: str = ""


TOP1 = Score("top1", "top-1", "%", "maximize", 100, "correct")
