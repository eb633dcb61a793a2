"""Blocks compiled once each; every route is composed of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch

from snnet.network import StitchedNetwork


class CompiledBlocks:
    """A network's blocks, compiled when a route first runs them.

    Compiling whole routes would take as many compilations as there are routes, so stems, stitching
    layers and heads stay as they are. Blocks that are alike share a compilation.
    """

    def __init__(self, network: StitchedNetwork, backend: str | Callable[..., Any] = "inductor"):
        """Prepare the blocks of `network` for torch's compiler `backend`."""
        from torch._dynamo import config as dynamo  # takes seconds

        self.network = network
        blocks = network.blocks()
        # torch gives up on code that was compiled 8 times, and blocks of one kind share theirs
        dynamo.recompile_limit = max(dynamo.recompile_limit, 2 * len(blocks))
        # each shape by itself: one graph for the widths of all anchors would be slower
        compiler = partial(torch.compile, dynamic=False, backend=backend)
        self._compiled = {step: compiler(block) for step, block in blocks.items()}

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Routes run the compiled blocks inside of it. Batches of other sizes compile anew."""
        blocks = self.network.blocks()
        self.network.replace(self._compiled)
        try:
            yield
        finally:
            self.network.replace(blocks)
