"""Names, units and directions of scores. Torch-free: experiments and reports are told by them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from snnet.data.sizes import DEPTH, has_maps


@dataclass(frozen=True)
class Score:
    """A number of a sub-network, from what was right or wrong with each example.

    All are told in percent, so that differences are points and reports can set tasks side by side.

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
MIOU = Score("miou", "mIoU", "%", "maximize", 100)
ABS_REL = Score("abs_rel", "absolute relative error", "%", "minimize", 100)
SCORES = (TOP1, MIOU, ABS_REL)


def score_of(dataset: str) -> Score:
    """The score of the task that a dataset is for."""
    if dataset.startswith(DEPTH):
        return ABS_REL
    return MIOU if has_maps(dataset) else TOP1
