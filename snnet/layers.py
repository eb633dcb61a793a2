"""Stitching layers: what the features of one anchor pass on their way into another.

Each kind is a class; `KINDS` has them by the name that settings give, `snnet.pieces.LAYERS` those
of users.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import isqrt, prod
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from snnet.anchors import Layout, channels_last
from snnet.features import Features, values_of, with_values
from snnet.pieces import LAYERS


@dataclass(frozen=True)
class LayerChoice:
    """Which stitching layers a network has.

    Attributes:
        kind: a name of `KINDS`, or of `snnet.pieces.LAYERS`.
        rank: of low-rank updates; hidden channels of a bottleneck.
        alpha: low-rank updates are scaled by alpha / rank.
    """

    kind: str = "linear"
    rank: int = 16
    alpha: float = 1.0


@dataclass(frozen=True)
class Ends:
    """What a stitching layer joins.

    Attributes:
        channels: of the front and the back.
        layouts: of the front's features and the back's.
        size: (H, W) or (N,) of the back's.
        prefix_tokens: of the N, those that are no part of the picture.
        grid: (H, W) of the positions without prefix; None where they lie on none.
    """

    channels: tuple[int, int]
    layouts: tuple[Layout, Layout]
    size: tuple[int, ...]
    prefix_tokens: int = 0
    grid: tuple[int, int] | None = None


class StitchingLayer(nn.Module, ABC):
    """A map of one anchor's features to another's, layouts converted; a mask goes with them.

    Attributes:
        normed: whether features pass a layer norm before anything else, so that least squares
            should see them so.
        shares: whether all layers between two anchors share one low-rank update.
    """

    normed: ClassVar[bool] = False
    shares: ClassVar[bool] = False

    def __init__(self, ends: Ends, choice: LayerChoice) -> None:
        super().__init__()
        self.ends, self.choice = ends, choice

    def forward(self, features: Features) -> Features:
        """Features in the front's layout to features in the back's."""
        rows = channels_last(values_of(features), self.ends.layouts[0])
        return with_values(features, self._to_back(self.transform(rows)))

    @abstractmethod
    def transform(self, rows: Tensor) -> Tensor:
        """Features with channels last, (B, N, C_front) or (B, H, W, C_front), to C_back."""

    @abstractmethod
    def start(self, solution: Tensor, gram: Tensor) -> Tensor:
        """Begin as close to a linear map as the layer can be; returns the map that it then is.

        A map W (C_front + 1, C_back), the last row the bias, float64. What follows the map, such
        as an activation, is left out of it.

        Arguments:
            solution: of least squares.
            gram: [A 1]'[A 1] of the features that it was solved for.
        """

    def merged(self) -> StitchingLayer:
        """The layer as it is exported: updates merged into what they update."""
        return self

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one input, updates merged."""
        return prod(self.ends.size) * prod(self.ends.channels)

    @property
    def params(self) -> int:
        """Parameters, updates merged."""
        return sum(parameter.numel() for parameter in self.parameters())

    def trained(self) -> list[nn.Parameter]:
        """The parameters that training changes."""
        return [parameter for parameter in self.parameters() if parameter.requires_grad]

    def _to_back(self, rows: Tensor) -> Tensor:
        layout = self.ends.layouts[1]
        if layout == "tokens":
            return rows.flatten(1, -2)
        if rows.ndim == 3:
            rows = rows.unflatten(1, self.ends.size)
        return rows if layout == "channels_last" else rows.permute(0, 3, 1, 2)


class Linear(StitchingLayer):
    """A 1x1 convolution (SN-Net paper, section 3.2): weight (C_back, C_front), bias (C_back).

    Starts with PyTorch's default (Kaiming uniform, a = sqrt 5).
    """

    def __init__(self, ends: Ends, choice: LayerChoice) -> None:
        super().__init__(ends, choice)
        drawn = nn.Linear(*ends.channels)
        self.weight, self.bias = drawn.weight, drawn.bias

    def forward(self, features: Features) -> Features:
        """Features in the front's layout to features in the back's."""
        if self.ends.layouts == ("channels_first", "channels_first"):
            weight = self.weight[:, :, None, None]
            return functional.conv2d(values_of(features), weight, self.bias)
        return super().forward(features)

    def transform(self, rows: Tensor) -> Tensor:
        """Rows to C_back."""
        return functional.linear(rows, self.weight, self.bias)

    def start(self, solution: Tensor, gram: Tensor) -> Tensor:
        """Begin as the solution."""
        self.weight.copy_(solution[:-1].T)
        self.bias.copy_(solution[-1])
        return solution


class Activated(Linear):
    """A linear map and a ReLU after it, which starts with the linear map's solution."""

    def forward(self, features: Features) -> Features:
        """Features in the front's layout to features in the back's."""
        mapped = super().forward(features)
        return with_values(mapped, functional.relu(values_of(mapped)))


class NormedLinear(Linear):
    """A layer norm of the features, and a linear map after it."""

    normed = True

    def __init__(self, ends: Ends, choice: LayerChoice) -> None:
        super().__init__(ends, choice)
        self.norm = nn.LayerNorm(ends.channels[0])

    def forward(self, features: Features) -> Features:
        """Features in the front's layout to features in the back's."""
        return StitchingLayer.forward(self, features)

    def transform(self, rows: Tensor) -> Tensor:
        """Rows to C_back."""
        return super().transform(self.norm(rows))

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one input; a norm counts five an element."""
        return super().macs + 5 * prod(self.ends.size) * self.ends.channels[0]


class Identity(StitchingLayer):
    """Nothing at all, where both anchors have as many channels (Learngene Pool)."""

    def transform(self, rows: Tensor) -> Tensor:
        """Rows as they are."""
        return rows

    def start(self, solution: Tensor, gram: Tensor) -> Tensor:
        """Stay the identity."""
        return torch.eye(*solution.shape).to(solution)

    @property
    def macs(self) -> int:
        """None."""
        return 0


class Update(nn.Module):
    """A low-rank change of a linear map: up (C_back, rank), which starts at 0, times down."""

    def __init__(
        self, channels: tuple[int, int], rank: int, draws: torch.Generator | None = None
    ) -> None:
        """Draw `down` (rank, C_front), by torch's own generator where no other is given."""
        super().__init__()
        front, back = channels
        self.down = nn.Parameter(torch.empty(rank, front))
        self.up = nn.Parameter(torch.zeros(back, rank))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5), generator=draws)


class LowRank(Linear):
    """A frozen linear map, a low-rank update of it, and a bias that is trained (SN-Netv2).

    Evaluation and export use the merged map.
    """

    def __init__(self, ends: Ends, choice: LayerChoice, update: Update | None = None) -> None:
        """Take an update that others have, too, or make one."""
        super().__init__(ends, choice)
        self.weight.requires_grad_(False)
        if update is None:
            self.own = Update(ends.channels, choice.rank)
        self._update = (update or self.own,)  # one that is shared is the network's to hold

    @property
    def update(self) -> Update:
        """What is trained of the map."""
        return self._update[0]

    def forward(self, features: Features) -> Features:
        """Features in the front's layout to features in the back's."""
        return StitchingLayer.forward(self, features)

    def transform(self, rows: Tensor) -> Tensor:
        """Rows to C_back."""
        if not self.training:
            return functional.linear(rows, self._merged_weight(), self.bias)
        changed = functional.linear(functional.linear(rows, self.update.down), self.update.up)
        return super().transform(rows) + self.choice.alpha / self.choice.rank * changed

    def _merged_weight(self) -> Tensor:
        scale = self.choice.alpha / self.choice.rank
        return self.weight + scale * self.update.up @ self.update.down

    @torch.no_grad()
    def merged(self) -> Linear:
        """A linear layer that does the same."""
        linear = Linear(self.ends, self.choice).to(self.weight).train(self.training)
        linear.weight.copy_(self._merged_weight())
        linear.bias.copy_(self.bias)
        return linear

    @property
    def params(self) -> int:
        """Parameters, updates merged."""
        return self.weight.numel() + self.bias.numel()

    def trained(self) -> list[nn.Parameter]:
        """The parameters that training changes."""
        return [each for each in (self.bias, *self.update.parameters()) if each.requires_grad]


class SharedLowRank(LowRank):
    """Low rank, with one update for all layers between two anchors (ESTA), a bias for each."""

    shares = True


class Bottleneck(StitchingLayer):
    """A map down to `rank` channels, GELU, and a map up.

    Least squares starts it as the best linear map of half the rank: x = gelu(x) - gelu(-x).
    """

    def __init__(self, ends: Ends, choice: LayerChoice) -> None:
        super().__init__(ends, choice)
        front, back = ends.channels
        self.down, self.up = nn.Linear(front, choice.rank), nn.Linear(choice.rank, back)

    def transform(self, rows: Tensor) -> Tensor:
        """Rows to C_back."""
        return self.up(functional.gelu(self.down(rows)))

    def start(self, solution: Tensor, gram: Tensor) -> Tensor:
        """Begin as the projection of the solution on its outputs' first principal directions."""
        mean = gram[-1] / gram[-1, -1]
        centre = mean @ solution
        spread = solution.T @ (gram - gram[-1, -1] * torch.outer(mean, mean)) @ solution
        kept = min(self.choice.rank // 2, len(centre))
        directions = torch.linalg.eigh(spread).eigenvectors[:, len(centre) - kept :]
        inside = solution @ directions  # (C_front + 1, kept)
        inside[-1] -= centre @ directions
        self.up.weight.zero_()
        for first, sign in ((0, 1), (kept, -1)):
            units = slice(first, first + kept)
            self.down.weight[units] = (sign * inside[:-1].T).to(self.down.weight)
            self.down.bias[units] = (sign * inside[-1]).to(self.down.bias)
            self.up.weight[:, units] = (sign * directions).to(self.up.weight)
        self.up.bias.copy_(centre)
        found = inside @ directions.T
        found[-1] += centre
        return found

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one input."""
        return prod(self.ends.size) * self.choice.rank * sum(self.ends.channels)


class Convolution(StitchingLayer):
    """A 3x3 convolution over the grid of positions; class tokens pass its centre alone.

    Least squares starts the centre; the rest is 0 then.
    """

    def __init__(self, ends: Ends, choice: LayerChoice) -> None:
        """Draw the weights (C_back, C_front, 3, 3).

        Raises:
            ValueError: the positions lie on no grid.
        """
        super().__init__(ends, choice)
        if ends.grid is None:
            raise ValueError(f"a convolution needs a grid, and {ends.size} positions are none")
        self.convolution = nn.Conv2d(*ends.channels, 3, padding=1)

    def transform(self, rows: Tensor) -> Tensor:
        """Rows to C_back."""
        if rows.ndim == 4:
            return self._convolved(rows)
        assert self.ends.grid is not None
        prefix, grid = rows.tensor_split([self.ends.prefix_tokens], 1)
        convolved = self._convolved(grid.unflatten(1, self.ends.grid)).flatten(1, 2)
        centre = self.convolution.weight[:, :, 1, 1]
        return torch.cat([functional.linear(prefix, centre, self.convolution.bias), convolved], 1)

    def _convolved(self, grid: Tensor) -> Tensor:
        return self.convolution(grid.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)

    def start(self, solution: Tensor, gram: Tensor) -> Tensor:
        """Begin as the solution."""
        self.convolution.weight.zero_()
        self.convolution.weight[:, :, 1, 1] = solution[:-1].T.to(self.convolution.weight)
        assert self.convolution.bias is not None
        self.convolution.bias.copy_(solution[-1])
        return solution

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one input, those at the border of the grid included."""
        assert self.ends.grid is not None
        return (9 * prod(self.ends.grid) + self.ends.prefix_tokens) * prod(self.ends.channels)


KINDS: dict[str, type[StitchingLayer]] = {
    "linear": Linear,
    "low_rank": LowRank,
    "shared_low_rank": SharedLowRank,
    "identity": Identity,
    "relu": Activated,
    "bottleneck": Bottleneck,
    "conv3x3": Convolution,
    "norm": NormedLinear,
}


def make_layer(ends: Ends, choice: LayerChoice, updates: nn.ModuleDict, name: str) -> nn.Module:
    """A stitching layer of the kind that is chosen; linear where identity does not fit.

    Arguments:
        updates: that layers share, by name; one that is missing is added.
        name: of what the layer shares.

    Raises:
        ValueError: there is no such kind, or the positions do not suit it.
    """
    LAYERS.check(choice.kind)
    kind: type[StitchingLayer] = {**KINDS, **LAYERS}[choice.kind]
    front, back = ends.channels
    if kind is Identity and front != back:
        return Linear(ends, choice)
    if not issubclass(kind, SharedLowRank):
        return kind(ends, choice)
    if name not in updates:
        updates[name] = Update(ends.channels, choice.rank)
    update = updates[name]
    assert isinstance(update, Update)
    return kind(ends, choice, update)


def grid_of(
    size: tuple[int, ...], prefix_tokens: int, image_shape: tuple[int, ...]
) -> tuple[int, int] | None:
    """(H, W) of positions of an image, as wide to high as the image; None where there is none.

    Arguments:
        size: (H, W) or (N,).
        image_shape: (channels, height, width), or (tokens,) of a text.
    """
    if len(size) == 2:
        return size[0], size[1]
    if len(image_shape) != 3:
        return None
    count, (_, height, width) = size[0] - prefix_tokens, image_shape
    rows = isqrt(count * height // width)
    fits = rows > 0 and count % rows == 0 and rows * width == count // rows * height
    return (rows, count // rows) if fits else None
