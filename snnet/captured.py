"""CUDA graphs of blocks; every route is composed of them.

A graph runs all that a block does without Python and launches in between, which is what small
blocks wait for. It reads and writes where it did when it was captured. So each block has graphs of
its own, which serve all routes; it holds its memory also where a route does not need it; and until
the gradients of a step are taken it can run once. What runs a block again in the same step, such as
the sub-networks of a sandwich, runs it as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from snnet.network import Step, StitchedNetwork

Function = Callable[[Any], Any]
Kind = tuple[torch.Size, torch.dtype, bool]  # of features; whether they need a gradient


class CapturedBlocks:
    """A network's blocks, captured once for each kind of features that routes bring to them."""

    def __init__(
        self,
        network: StitchedNetwork,
        capture: Callable[[nn.Module, Tensor], Function] | None = None,
    ) -> None:
        """Prepare the blocks of `network`.

        Arguments:
            capture: makes a graph of a module and of features like those it will get; by default
                torch's.
        """
        self.network = network
        self._capture = capture or capture_block
        self._blocks: dict[Step, Function] = {}
        self._graphs: dict[tuple[Step, Kind], Function] = {}
        self._busy: set[tuple[Step, Kind]] = set()  # graphs that a step has run
        self._capturing = False

    @property
    def rehearsed(self) -> bool:
        """Whether there are graphs."""
        return bool(self._graphs)

    @torch.enable_grad()
    def rehearse(self, images: Tensor) -> None:
        """Capture the blocks of every route.

        What they draw and count stays as it is. Autocast must not cache weights meanwhile: graphs
        would read copies that nobody renews.

        Arguments:
            images: (B, C, H, W), as many as a pass will have.
        """
        devices = [images.device] if images.is_cuda else []
        counted = [(buffer, buffer.clone()) for buffer in self.network.buffers()]
        self._capturing = True
        with torch.random.fork_rng(devices), self.in_use():
            for stitch in range(len(self.network.space.routes)):
                self.begin_step()
                self.network(images, stitch)
        self._capturing = False
        with torch.no_grad():
            for buffer, before in counted:
                buffer.copy_(before)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Routes run the graphs inside of it; features of other kinds, the blocks as they are."""
        self._blocks = self.network.blocks()
        self.network.replace({step: partial(self._run, step) for step in self._blocks})
        try:
            yield
        finally:
            self.network.replace(self._blocks)

    def begin_step(self) -> None:
        """Graphs may run again: the gradients of the step before are taken."""
        self._busy.clear()

    def _run(self, step: Step, features: Tensor) -> Any:
        block, key = self._blocks[step], (step, _kind(features))
        if self._capturing and key not in self._graphs:
            sample = features.detach().clone().requires_grad_(features.requires_grad)
            self._graphs[key] = self._capture(_Whole(block), sample)
        if key not in self._graphs or key in self._busy:
            return block(features)
        self._busy.add(key)
        return self._graphs[key](features)


def _kind(features: Tensor) -> Kind:
    return features.shape, features.dtype, features.requires_grad


class _Whole(nn.Module):
    """A block with a `forward` of its own, which torch replaces by the graph."""

    def __init__(self, block: Function) -> None:
        super().__init__()
        self.block = block

    def forward(self, features: Tensor) -> Any:
        return self.block(features)


def capture_block(block: nn.Module, features: Tensor) -> Function:
    """Make a CUDA graph of a block's passes, forward and back.

    Arguments:
        features: like those that will come; the graph keeps them as the place for these.
    """
    # a block may hold parameters that such features do not reach
    return torch.cuda.make_graphed_callables(block, (features,), allow_unused_input=True)
