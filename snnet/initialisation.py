"""Least-squares start of the stitching layers (SN-Net paper, section 3.2).

For a joint (i, j): A = features after front block i, B = features entering back block j, one row
a token (padding is left out); solve min ||[A 1] W - B||. Gram matrices add up over batches, so
memory does not grow with the number of images, and one Gram matrix per front block serves all its
targets.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from snnet.anchors import Anchor, channels_last
from snnet.features import Features, Masked, values_of
from snnet.inputs import MISFITS
from snnet.space import Layer, Space

Block = tuple[int, int]  # anchor, number of the block
Precision = Literal["double", "measured"]  # of the products of features that are added up
CHUNK = 1024  # rows that are taken as float64 at a time, to bound the memory
RIDGE = 1e-8  # share of the Gram matrix's mean diagonal, added where it is singular
SINGULAR = 1e-13  # squared ratio of the Cholesky factor's extreme diagonal entries


@dataclass(frozen=True)
class Fit:
    """Quality of a stitching layer's start: how well it reproduces what it stands for."""

    residual: float  # ||[A 1] W - B|| over ||B - mean B||, all pairs of the layer together
    ridge: bool  # whether the Gram matrix was singular, so that a ridge was needed


@dataclass
class Moments:
    """Sums over the calibration images, all float64.

    The pairs of a layer that share a front block share its Gram matrix, so their targets are added
    up before the product with it.
    """

    layers: tuple[Layer, ...]
    planar: frozenset[int] = frozenset()  # anchors whose features lie on a plane, see `_solve`
    grams: dict[Block, Tensor] = field(default_factory=dict)  # [A 1]'[A 1], (C + 1, C + 1)
    crosses: dict[tuple[int, int], Tensor] = field(default_factory=dict)
    """By layer and front block: [A 1]' (sum of its B), (C_front + 1, C_back)."""
    sums: dict[Block, Tensor] = field(default_factory=dict)  # sum of B, (C_back,)
    squares: dict[Block, float] = field(default_factory=dict)  # sum of B squared

    @property
    def fronts(self) -> set[Block]:
        """Anchor and block of the features A that `add` asks for."""
        return {(layer.front, i) for layer in self.layers for i, _ in layer.pairs}

    @property
    def backs(self) -> set[Block]:
        """Anchor and block of the features B that `add` asks for."""
        return {(layer.back, j) for layer in self.layers for _, j in layer.pairs}

    def add(self, fronts: dict[Block, Tensor], backs: dict[Block, Tensor]) -> None:
        """Take in features (positions, C) that leave the front and enter the back blocks."""
        parts = max((-(-len(rows) // CHUNK) for rows in fronts.values()), default=1)
        split_fronts = {block: rows.tensor_split(parts) for block, rows in fronts.items()}
        split_backs = {block: rows.tensor_split(parts) for block, rows in backs.items()}
        for part in range(parts):
            self._add(
                {block: _with_ones(rows[part]) for block, rows in split_fronts.items()},
                {block: rows[part].double() for block, rows in split_backs.items()},
            )

    def _add(self, fronts: dict[Block, Tensor], backs: dict[Block, Tensor]) -> None:
        for block, rows in fronts.items():
            _add_product(self.grams, block, rows, rows)
        for block, rows in backs.items():
            self.sums[block] = self.sums.get(block, 0) + rows.sum(0)
            self.squares[block] = self.squares.get(block, 0.0) + rows.square().sum().item()
        for number, layer in enumerate(self.layers):
            for front, served in by_front(layer).items():
                target = functools.reduce(torch.add, [backs[layer.back, j] for j in served])
                _add_product(self.crosses, (number, front), fronts[layer.front, front], target)

    def solve(self, number: int, method: str) -> tuple[Tensor, Fit]:
        """W (C_front + 1, C_back) of a layer, and how well it fits.

        Arguments:
            method: `mean` of the solutions of its pairs (the paper's), or one `joint` solution.

        Raises:
            ValueError: there is no such method.
        """
        layer = self.layers[number]
        served = {block: len(backs) for block, backs in by_front(layer).items()}
        grams = {block: self.grams[layer.front, block] for block in served}
        crosses = {block: self.crosses[number, block] for block in served}
        if method == "joint":
            gram = torch.stack([count * grams[block] for block, count in served.items()]).sum(0)
            cross = torch.stack(list(crosses.values())).sum(0)
            solution, ridge = _solve(gram, cross, layer.front in self.planar)
        elif method == "mean":
            planar = layer.front in self.planar
            solved = [_solve(grams[block], crosses[block], planar) for block in served]
            solution = torch.stack([one for one, _ in solved]).sum(0) / len(layer.pairs)
            ridge = any(used for _, used in solved)
        else:
            raise ValueError(f"method is mean or joint, not {method!r}")
        return solution, self.fit(number, solution, ridge)

    def gram(self, number: int) -> Tensor:
        """[A 1]'[A 1] (C_front + 1, C_front + 1), over all pairs of a layer."""
        layer = self.layers[number]
        return torch.stack([self.grams[layer.front, i] for i, _ in layer.pairs]).sum(0)

    def fit(self, number: int, solution: Tensor, ridge: bool) -> Fit:
        """How well a map W (C_front + 1, C_back) other than the solution fits a layer."""
        return Fit(self._residual(number, solution), ridge)

    def _residual(self, number: int, solution: Tensor) -> float:
        """Residual of a layer's W (C_front + 1, C_back), see `Fit`."""
        layer = self.layers[number]
        left = spread = 0.0
        for block, backs in by_front(layer).items():
            gram, cross = self.grams[layer.front, block], self.crosses[number, block]
            left += ((len(backs) * gram @ solution - 2 * cross) * solution).sum().item()
        for block, back in layer.pairs:
            sums, squares = self.sums[layer.back, back], self.squares[layer.back, back]
            rows = self.grams[layer.front, block][-1, -1]
            left += squares
            spread += squares - (sums.square().sum() / rows).item()
        return max(left / spread, 0.0) ** 0.5 if spread > 0 else 0.0


@torch.no_grad()
def gather_moments(
    anchors: Sequence[Anchor],
    space: Space,
    image_shape: tuple[int, ...],
    images: Iterable[Tensor] | Tensor,
    normed: bool = False,
    kind: type[Moments] = Moments,
) -> Moments:
    """What the solutions of all stitching layers of a space need of the calibration images.

    Arguments:
        anchors: in eval mode.
        image_shape: of the images (or texts), without the batch, for messages.
        images: batches of calibration images (B, C, H, W), un-augmented, or of tokens (B, N); one
            alone will do.
        normed: whether stitching layers begin with a layer norm, which makes every feature planar.
        kind: what adds up, in double precision or in the one that it measures to be enough.

    Raises:
        TypeError: what is given are no batches of images.
        ValueError: there are no images, or such as the anchors do not take, or make NaN of.
    """
    planar = frozenset(n for n, anchor in enumerate(anchors) if normed or anchor.post_norm)
    moments = kind(space.layers, planar)
    places = {(anchor, block + 1) for anchor, block in moments.fronts} | moments.backs
    blocks = [
        max((p for n, p in places if n == number), default=0) for number in range(len(anchors))
    ]
    for features in gather_rows(anchors, image_shape, images, blocks):
        moments.add(
            {
                (anchor, block): _normed(features[anchor][block + 1], normed)
                for anchor, block in moments.fronts
            },
            {(anchor, block): features[anchor][block] for anchor, block in moments.backs},
        )
    if space.layers and not moments.grams:
        raise ValueError("there are no calibration images: give at least one batch")
    if not all(
        one.isfinite().all() for one in (*moments.grams.values(), *moments.crosses.values())
    ):
        raise ValueError(
            "features of the calibration images are no finite numbers: look for NaN and infinity "
            "in the images, then in the anchors' weights"
        )
    return moments


@torch.no_grad()
def gather_rows(
    anchors: Sequence[Anchor],
    image_shape: tuple[int, ...],
    images: Iterable[Tensor] | Tensor,
    blocks: Sequence[int] | None = None,
) -> Iterator[list[list[Tensor]]]:
    """Rows (positions, C) of every anchor, batch by batch; padding of texts is left out.

    Of an anchor those that enter block 0, 1, ..., and last those that leave the final block.

    Arguments:
        blocks: how many of each anchor are run; by default all.

    Raises:
        TypeError, ValueError: see `gather_moments`.
    """
    if isinstance(images, Tensor):
        images = [images]
    if not isinstance(images, Iterable):
        raise TypeError(
            f"images are batches (B, C, H, W), such as a list of tensors, not one "
            f"{type(images).__name__}"
        )
    parameter = next(anchors[0].parameters())
    counts = [len(anchor.blocks) for anchor in anchors] if blocks is None else blocks
    for batch in images:
        if isinstance(batch, Tensor) and batch.ndim and not len(batch):
            raise ValueError("a batch of calibration images is empty: give one or more in each")
        try:
            found = [
                _features(anchor, batch.to(parameter.device), count)
                for anchor, count in zip(anchors, counts, strict=True)
            ]
        except MISFITS as error:
            anchors[0].inputs.check(batch, image_shape, error, parameter.dtype)
            raise
        yield found


def _features(anchor: Anchor, images: Tensor, count: int) -> list[Tensor]:
    """Rows (positions, C) that enter block 0, 1, ..., and last those that leave the last one.

    Arguments:
        count: of the blocks that are run.
    """
    features = anchor.stem(images)
    rows = [_rows(features, anchor)]
    for block in anchor.blocks[:count]:
        features = block(features)
        rows.append(_rows(features, anchor))
    return rows


def _rows(features: Features, anchor: Anchor) -> Tensor:
    rows = channels_last(values_of(features), anchor.layout).flatten(0, -2)
    return rows[features.mask.flatten()] if isinstance(features, Masked) else rows


def _normed(rows: Tensor, normed: bool) -> Tensor:
    return functional.layer_norm(rows, rows.shape[-1:]) if normed else rows


def by_front(layer: Layer) -> dict[int, list[int]]:
    """The back blocks that a layer leads to, by front block."""
    served: dict[int, list[int]] = defaultdict(list)
    for front, back in layer.pairs:
        served[front].append(back)
    return served


def _with_ones(rows: Tensor) -> Tensor:
    """Rows (positions, C) as float64, with a last column for the bias."""
    return torch.cat([rows.double(), rows.new_ones(len(rows), 1, dtype=torch.float64)], dim=1)


def _add_product(sums: dict[Any, Tensor], key: object, left: Tensor, right: Tensor) -> None:
    """Add left' right to the sum of that key."""
    if key not in sums:
        sums[key] = left.new_zeros(left.shape[1], right.shape[1])
    sums[key].addmm_(left.T, right)


def _solve(gram: Tensor, cross: Tensor, planar: bool) -> tuple[Tensor, bool]:
    """Solve gram W = cross; a ridge helps out where the Gram matrix is singular, and only there.

    Arguments:
        planar: whether it would be singular but for rounding.
    """
    factor, failed = torch.linalg.cholesky_ex(gram)
    diagonal = factor.diagonal()
    singular = planar or bool(failed) or bool((diagonal.min() / diagonal.max()).square() < SINGULAR)
    if singular:
        ridge = RIDGE * gram.diagonal().mean()
        factor = torch.linalg.cholesky(gram + ridge * torch.eye(len(gram)).to(gram))
    return torch.cholesky_solve(cross, factor), singular
