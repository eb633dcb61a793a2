"""Moments of which each product is as precise as the condition of its features asks for.

Single precision disturbs the Gram matrix A'A by about eps ||A||^2, and with it the features that a
map W gives by up to eps cond(A) ||A|| ||W||; A'B it disturbs by eps ||A|| ||B||, and with it what W
gives by eps cond(A) ||B||. Where columns of A are nearly dependent W is large, so A'A needs double
precision long before A'B does.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from snnet.initialisation import Block, Moments, by_front

# largest condition number (see `condition`) at which single precision leaves residuals as they are
# in double, to 1e-6: of them where they are 0.3 or more, and of what is to be fitted everywhere
GRAM_LIMIT = 1e5  # of A'A
CROSS_LIMIT = 1e7  # of A'B
ROWS = 4096  # that single precision adds up, or that are taken as float64, at a time


@dataclass(frozen=True)
class _Centred:
    """Features less a mean, which is put back into sums of their products."""

    rows: Tensor  # (positions, C), float64 where products shall be
    mean: Tensor  # (C,), float64
    sums: Tensor  # of the rows, (C,), float64

    @property
    def total(self) -> Tensor:
        """Sum of the features (C,)."""
        return self.sums + len(self.rows) * self.mean


@dataclass
class MeasuredMoments(Moments):
    """Sums in double precision of products that are in single where that is exact enough.

    The first batch is measured: its Gram matrices are in double precision. Its means are taken from
    all features before they are multiplied: features far from 0 are worse conditioned than what
    they differ by.

    Attributes:
        conditions: of the front blocks' Gram matrices, about the means, as far as rounding goes.
        front_means: of features (C,) that leave front blocks, float32, in the first batch.
        back_means: of those that enter back blocks.
    """

    conditions: dict[Block, float] = field(default_factory=dict)
    front_means: dict[Block, Tensor] = field(default_factory=dict)
    back_means: dict[Block, Tensor] = field(default_factory=dict)

    def add(self, fronts: dict[Block, Tensor], backs: dict[Block, Tensor]) -> None:
        """Take in features, see `Moments.add`."""
        with _without_tf32():
            lefts = {block: self._add_front(block, rows) for block, rows in fronts.items()}
            rights = {block: self._add_back(block, rows) for block, rows in backs.items()}
            for number, layer in enumerate(self.layers):
                targets: dict[tuple[int, ...], _Centred] = {}  # some lead to the same blocks
                for front, served in by_front(layer).items():
                    which = tuple(served)
                    if which not in targets:
                        targets[which] = _together([rights[layer.back, j] for j in served])
                    exact = self.conditions[layer.front, front] > CROSS_LIMIT
                    left = lefts[layer.front, front]
                    self._add_cross((number, front), left, targets[which], exact)

    def _add_front(self, block: Block, rows: Tensor) -> _Centred:
        if block not in self.front_means:
            self.front_means[block] = rows.mean(0)
        exact = self.conditions.get(block, math.inf) > GRAM_LIMIT
        centred = _centred(rows.double() if exact else rows, self.front_means[block])
        about_mean = _gram(centred)
        gram = _moved(about_mean, centred.mean)
        if block in self.conditions:
            self.grams[block] += gram
        else:
            self.grams[block] = gram
            self.conditions[block] = condition(about_mean) * _cancelled(gram, about_mean)
        return centred

    def _add_back(self, block: Block, rows: Tensor) -> _Centred:
        if block not in self.back_means:
            self.back_means[block] = rows.mean(0)
        centred = _centred(rows, self.back_means[block])
        lengths = torch.linalg.vector_norm(centred.rows, dim=1)  # needs no copy, as squares would
        squares = lengths.double().square().sum() + centred.mean @ (centred.sums + centred.total)
        self.sums[block] = self.sums.get(block, 0) + centred.total
        self.squares[block] = self.squares.get(block, 0.0) + squares.item()
        return centred

    def _add_cross(
        self, key: tuple[int, int], left: _Centred, right: _Centred, exact: bool
    ) -> None:
        """Add [A 1]'B of one layer and front block, in double precision where it shall be exact."""
        if key not in self.crosses:
            shape = len(left.mean) + 1, len(right.mean)
            self.crosses[key] = left.mean.new_zeros(shape)
        cross = self.crosses[key]
        _add_product(cross[:-1], left.rows.double() if exact else left.rows.float(), right.rows)
        sums = torch.stack([left.sums, left.mean], 1)
        cross[:-1].addmm_(sums, torch.stack([right.mean, right.total]))
        cross[-1] += right.total


def condition(gram: Tensor) -> float:
    """Condition number of a Gram matrix with its diagonal scaled to 1, in the 1-norm.

    Infinite where it is singular.
    """
    scale = gram.diagonal().rsqrt()
    found = torch.linalg.cond(gram * scale * scale[:, None], p=1)
    return found.nan_to_num(torch.inf).item()  # not a number where a column is 0


def _centred(rows: Tensor, mean: Tensor) -> _Centred:
    rows = rows - mean
    return _Centred(rows, mean.double(), rows.sum(0).double())


def _together(parts: Sequence[_Centred]) -> _Centred:
    """Sum of features of equal shape."""
    each = zip(*((one.rows, one.mean, one.sums) for one in parts), strict=True)
    return _Centred(*(functools.reduce(torch.add, one) for one in each))


def _gram(centred: _Centred) -> Tensor:
    """[A 1]'[A 1] (C + 1, C + 1) of features less their mean, float64."""
    width = len(centred.mean)
    gram = centred.mean.new_zeros(width + 1, width + 1)
    _add_product(gram[:-1, :-1], centred.rows, centred.rows)
    gram[-1, :-1] = gram[:-1, -1] = centred.sums
    gram[-1, -1] = len(centred.rows)
    return gram


def _moved(gram: Tensor, mean: Tensor) -> Tensor:
    """[A 1]'[A 1] (C + 1, C + 1), given that of A less `mean` (C,)."""
    move = torch.cat([mean, mean.new_zeros(1)])
    moved = gram.addr(gram[:, -1], move)
    return moved.addr_(move, moved[-1].clone())


def _cancelled(gram: Tensor, centred: Tensor) -> float:
    """How much larger features are than what is left of them when their means are taken away.

    By so much more does their rounding count in what is left: the most of any column.

    Arguments:
        gram: of the features; `centred`: less their means.
    """
    ratios = (gram.diagonal() / centred.diagonal())[:-1].sqrt()
    return ratios.nan_to_num(torch.inf).max().item()


def _add_product(into: Tensor, left: Tensor, right: Tensor) -> None:
    """Add A'B to `into` (C_left, C_right), float64, of A (positions, C_left) and B.

    The products have the precision of A, which may be float32.
    """
    for one, other in zip(left.split(ROWS), right.split(ROWS), strict=True):
        into += one.T @ other.to(one.dtype)


@contextmanager
def _without_tf32() -> Iterator[None]:
    """No GPU shortens float32 in matrix products, whatever training has set."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
