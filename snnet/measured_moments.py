"""Moments of which each product is as precise as the condition of its features asks for.

Single precision disturbs the Gram matrix A'A by about eps ||A||^2, and with it the features that a
map W gives by up to eps cond(A) ||A|| ||W||; A'B it disturbs by eps ||A|| ||B||, and with it what W
gives by eps cond(A) ||B||. Where columns of A are nearly dependent W is large, so A'A needs double
precision long before A'B does.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from snnet.initialisation import Block, Moments, by_front

# largest condition number (see `condition`) at which single precision leaves residuals as they are
# in double, to 1e-6 of them; beyond either, layers that are a mean of solutions lose that first
GRAM_LIMIT = 5e4  # of A'A
CROSS_LIMIT = 2e5  # of A'B
ROWS = 4096  # that single precision adds up, or that are taken as float64, at a time


@dataclass
class MeasuredMoments(Moments):
    """Sums in double precision of products that are in single where that is exact enough.

    The first batch is measured: its Gram matrices are in double precision.

    Attributes:
        conditions: of the front blocks' Gram matrices.
    """

    conditions: dict[Block, float] = field(default_factory=dict)

    def add(self, fronts: dict[Block, Tensor], backs: dict[Block, Tensor]) -> None:
        """Take in features, see `Moments.add`."""
        with _without_tf32():
            for block, rows in fronts.items():
                exact = block not in self.conditions or self.conditions[block] > GRAM_LIMIT
                gram = _gram(rows, exact)
                self.grams[block] = self.grams.get(block, 0) + gram
                self.conditions.setdefault(block, condition(gram))
            for block, rows in backs.items():
                self.sums[block] = self.sums.get(block, 0) + rows.sum(0).double()
                squares = rows.square().sum(0).double().sum().item()
                self.squares[block] = self.squares.get(block, 0.0) + squares
            self._add_crosses(fronts, backs)

    def _add_crosses(self, fronts: dict[Block, Tensor], backs: dict[Block, Tensor]) -> None:
        for number, layer in enumerate(self.layers):
            for front, served in by_front(layer).items():
                block = layer.front, front
                exact = self.conditions[block] > CROSS_LIMIT
                targets = [backs[layer.back, j] for j in served]
                target = functools.reduce(torch.add, [t.double() if exact else t for t in targets])
                cross = _product(fronts[block], target, exact)
                self.crosses[number, front] = self.crosses.get((number, front), 0) + cross


def condition(gram: Tensor) -> float:
    """Condition number of a Gram matrix with its diagonal scaled to 1, in the 1-norm.

    Infinite where it is singular.
    """
    scale = gram.diagonal().rsqrt()
    found = torch.linalg.cond(gram * scale * scale[:, None], p=1)
    return found.nan_to_num(torch.inf).item()  # not a number where a column is 0


def _gram(rows: Tensor, exact: bool) -> Tensor:
    """[A 1]'[A 1] (C + 1, C + 1) of A (positions, C), float64."""
    product = _product(rows, rows, exact)
    column = torch.cat([product[-1], product.new_tensor([len(rows)])])
    return torch.cat([product, column[:, None]], dim=1)


def _product(left: Tensor, right: Tensor, exact: bool) -> Tensor:
    """[A 1]'B (C_left + 1, C_right) of A (positions, C_left) and B, float64.

    Arguments:
        exact: whether the products are of double precision, too.
    """
    total = left.new_zeros(left.shape[1] + 1, right.shape[1], dtype=torch.float64)
    for one, other in zip(left.split(ROWS), right.split(ROWS), strict=True):
        if exact:
            one, other = one.double(), other.double()
        total[:-1] += one.T @ other
        total[-1] += other.sum(0)
    return total


@contextmanager
def _without_tf32() -> Iterator[None]:
    """No GPU shortens float32 in matrix products, whatever training has set."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
