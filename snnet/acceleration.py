"""What settings ask for to make the steps of training faster; it holds for these alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor

from snnet.captured import CapturedBlocks
from snnet.compiled import CompiledBlocks
from snnet.config import StitchingConfig
from snnet.distributed import Process
from snnet.network import StitchedNetwork

PRECISIONS = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Acceleration:
    """How a network's training steps are computed.

    Attributes:
        layout: of batches of images in memory.
        compiled, captured: the blocks as routes run them meanwhile; None: as they are.
    """

    def __init__(self, network: StitchedNetwork, config: StitchingConfig, process: Process) -> None:
        """Prepare what `config` asks for; CUDA graphs are left out where there is no GPU.

        Raises:
            ValueError: CUDA graphs are asked for, and several processes train.
        """
        self.network, self.config, self.process = network, config, process
        self.layout = torch.channels_last if config.channels_last else torch.preserve_format
        self.compiled = CompiledBlocks(network) if config.compile == "blocks" else None
        self.captured: CapturedBlocks | None = None
        if config.cuda_graphs and process.device.type == "cuda":
            if process.world > 1:
                raise ValueError(
                    f"cuda_graphs is for one process, and {process.world} share this run; set it "
                    "to False"
                )
            self.captured = CapturedBlocks(network)

    @contextmanager
    def in_use(self, graphs: bool = True) -> Iterator[None]:
        """Steps are faster inside of it.

        Arguments:
            graphs: whether blocks may be CUDA graphs.
        """
        before = torch.get_float32_matmul_precision()
        with ExitStack() as stack:
            if self.compiled:
                stack.enter_context(self.compiled.in_use())
            if self.captured and graphs:
                if not self.captured.rehearsed:
                    with self.autocast(caches=False):
                        self.captured.rehearse(self._example())
                stack.enter_context(self.captured.in_use())
            if self.config.precision == "tf32":
                torch.set_float32_matmul_precision("high")
                stack.callback(torch.set_float32_matmul_precision, before)
            yield

    def begin_step(self) -> None:
        """Call it before each step."""
        if self.captured:
            self.captured.begin_step()

    def autocast(self, caches: bool = True) -> torch.autocast:
        """Mixed precision, where settings have it.

        Arguments:
            caches: whether weights that are cast serve all passes inside of it.
        """
        half = PRECISIONS.get(self.config.precision)
        device = self.process.device.type
        return torch.autocast(device, half, enabled=half is not None, cache_enabled=caches)

    def _example(self) -> Tensor:
        """Images like those of a pass, without content."""
        count = self.config.batch_size // self.config.subnetworks_per_step
        network = self.network
        images = network.inputs.example(network.image_shape, count, next(network.parameters()))
        return images.contiguous(memory_format=self.layout)
