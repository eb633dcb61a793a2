"""What networks take: images, or texts as tokens. What is neither is told in one sentence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Integral
from typing import Any, ClassVar

import torch
from torch import Tensor

from snnet.errors import first_line

# what torch and timm raise for inputs of another shape or kind
MISFITS = (RuntimeError, AssertionError, TypeError, AttributeError, ValueError, IndexError)


class Inputs(ABC):
    """One kind of input. A shape is of one of them, without the batch.

    Attributes:
        name: what a batch of them is called.
        free: dimensions of a batch that may have any size, by name.
    """

    name: str
    free: ClassVar[dict[int, str]]

    @abstractmethod
    def check_shape(self, shape: Any) -> None:
        """Refuse what is no shape of theirs.

        Raises:
            ValueError: says what one looks like.
        """

    @abstractmethod
    def example(
        self,
        shape: tuple[int, ...],
        count: int,
        like: Tensor,
        draws: torch.Generator | None = None,
    ) -> Tensor:
        """A batch of `count`: without content, or of random content where there are draws.

        Arguments:
            like: a parameter of the network, which tells device and type.
        """

    @abstractmethod
    def check(
        self, given: Any, shape: tuple[int, ...], error: Exception, dtype: torch.dtype
    ) -> None:
        """Refuse what is no batch of that shape, and has failed to be one with `error`.

        Arguments:
            dtype: of the network's weights.

        Raises:
            TypeError: it is no tensor, or of another type.
            ValueError: it has another shape.
        """


def _is_size(number: object) -> bool:
    return isinstance(number, Integral) and int(number) > 0


def _sizes(shape: Any, dimensions: int) -> bool:
    """Whether a shape has so many dimensions, each of one or more."""
    known = isinstance(shape, Iterable) and not isinstance(shape, str)
    return known and len(tuple(shape)) == dimensions and all(_is_size(one) for one in shape)


@dataclass(frozen=True)
class Images(Inputs):
    """Batches (B, channels, height, width) of normalised images."""

    name = "images"
    free: ClassVar[dict[int, str]] = {0: "batch"}

    def check_shape(self, shape: Any) -> None:
        """Refuse what is not (channels, height, width), see `Inputs.check_shape`."""
        if not _sizes(shape, 3):
            told = tuple(shape) if isinstance(shape, Iterable) else shape
            raise ValueError(
                f"images are (channels, height, width), such as (3, 224, 224), not {told}"
            )

    def example(
        self,
        shape: tuple[int, ...],
        count: int,
        like: Tensor,
        draws: torch.Generator | None = None,
    ) -> Tensor:
        """Black images, or noise, see `Inputs.example`."""
        if draws is None:
            return like.new_zeros(count, *shape)
        return torch.randn(count, *shape, generator=draws).to(like.device)

    def check(
        self, given: Any, shape: tuple[int, ...], error: Exception, dtype: torch.dtype
    ) -> None:
        """Refuse what is no batch of images, see `Inputs.check`."""
        expected = f"images are a float tensor (B, {', '.join(map(str, shape))})"
        if not isinstance(given, Tensor):
            raise TypeError(f"{expected}, not a {type(given).__name__}") from error
        if not given.is_floating_point():
            raise TypeError(f"{expected}, normalised, not of {given.dtype}") from error
        if given.ndim != 4 or given.shape[1:] != shape:
            told = f"{tuple(given.shape)} ({first_line(error)})"
            raise ValueError(f"{expected}, not {told}") from error
        if dtype != given.dtype:
            raise TypeError(
                f"{expected} of {dtype}, as the weights are, not {given.dtype}"
            ) from error


@dataclass(frozen=True)
class Tokens(Inputs):
    """Batches (B, N) of the numbers of tokens, short texts filled up with padding.

    Attributes:
        vocabulary: how many tokens there are.
        padding: the number of the one that fills up; which tokens count follows from it.
    """

    vocabulary: int
    padding: int

    name = "tokens"
    free: ClassVar[dict[int, str]] = {0: "batch", 1: "length"}

    def check_shape(self, shape: Any) -> None:
        """Refuse what is not (tokens,), see `Inputs.check_shape`."""
        if not _sizes(shape, 1):
            raise ValueError(f"texts are (tokens,), such as (64,), not {shape}")

    def example(
        self,
        shape: tuple[int, ...],
        count: int,
        like: Tensor,
        draws: torch.Generator | None = None,
    ) -> Tensor:
        """One word over and over, or random ones, no padding, see `Inputs.example`."""
        word = 1 if self.padding == 0 else 0
        if draws is None:
            return torch.full((count, *shape), word, dtype=torch.long, device=like.device)
        drawn = torch.randint(self.vocabulary, (count, *shape), generator=draws)
        return torch.where(drawn == self.padding, word, drawn).to(like.device)

    def check(
        self, given: Any, shape: tuple[int, ...], error: Exception, dtype: torch.dtype
    ) -> None:
        """Refuse what is no batch of tokens, see `Inputs.check`."""
        expected = f"texts are an integer tensor (B, tokens) of numbers below {self.vocabulary}"
        if not isinstance(given, Tensor):
            raise TypeError(f"{expected}, not a {type(given).__name__}") from error
        if given.dtype not in (torch.int64, torch.int32):
            raise TypeError(f"{expected}, not of {given.dtype}") from error
        if given.ndim != 2:
            raise ValueError(f"{expected}, not {tuple(given.shape)}") from error
        if given.numel() and not 0 <= int(given.min()) <= int(given.max()) < self.vocabulary:
            told = f"{int(given.min())} to {int(given.max())}"
            raise ValueError(f"{expected}, not of numbers {told}") from error


IMAGES = Images()
