"""One run on several processes, of which the variables that torchrun sets tell, or alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

CPU = torch.device("cpu")
TIMEOUT = timedelta(minutes=30)  # others wait that long while one scores or loads


@dataclass(frozen=True)
class Process:
    """This process among those that share a run.

    Attributes:
        rank, world: its number, of how many.
        device: where it computes.
    """

    rank: int = 0
    world: int = 1
    device: torch.device = CPU

    @property
    def part(self) -> tuple[int, int]:
        """Its share of the images, see `snnet.data.dataset`."""
        return self.rank, self.world

    @property
    def first(self) -> bool:
        """Whether it is the one that writes and tells."""
        return self.rank == 0

    def wrap(self, module: nn.Module) -> nn.Module:
        """The module with gradients averaged over all processes."""
        if self.world == 1:
            return module
        # each process runs other sub-networks: whole parts stay unused
        return DistributedDataParallel(module, find_unused_parameters=True, broadcast_buffers=False)

    def average(self, tensors: list[torch.Tensor]) -> None:
        """Replace the tensors by their means over all processes."""
        if self.world > 1 and tensors:
            flat = nn.utils.parameters_to_vector(tensors)
            distributed.all_reduce(flat)
            means = (flat / self.world).split([tensor.numel() for tensor in tensors])
            for tensor, mean in zip(tensors, means, strict=True):
                tensor.copy_(mean.view_as(tensor))

    def any(self, *flags: bool) -> list[bool]:
        """Tell, flag by flag, whether it is true in any process."""
        if self.world == 1:
            return list(flags)
        tensor = torch.tensor([float(flag) for flag in flags], device=self.device)
        distributed.all_reduce(tensor, op=distributed.ReduceOp.MAX)
        return [bool(value) for value in tensor.tolist()]

    def everyone(self, value: Any) -> list[Any]:
        """Collect what each process passed, in order of rank."""
        if self.world == 1:
            return [value]
        values: list[Any] = [None] * self.world
        distributed.all_gather_object(values, value)
        return values

    def interleave(self, mine: np.ndarray) -> np.ndarray:
        """Join along the last axis what each saw of images rank, rank + world, ..."""
        parts = self.everyone(mine)
        joined = np.empty((*mine.shape[:-1], sum(part.shape[-1] for part in parts)), mine.dtype)
        for rank, part in enumerate(parts):
            joined[..., rank :: self.world] = part
        return joined


@contextmanager
def connect() -> Iterator[Process]:
    """Join the other processes of this run, if the environment tells of any."""
    world = int(os.environ.get("WORLD_SIZE", 1))
    local = int(os.environ.get("LOCAL_RANK", 0))
    cuda = torch.cuda.is_available()
    device = (
        torch.device("cuda", local % torch.cuda.device_count()) if cuda else torch.device("cpu")
    )
    if cuda:
        torch.cuda.set_device(device)
    if world == 1:
        yield Process(device=device)
        return
    here = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    own = cuda and torch.cuda.device_count() >= here  # NCCL refuses two processes on one GPU
    distributed.init_process_group("nccl" if own else "gloo", timeout=TIMEOUT)
    try:
        yield Process(distributed.get_rank(), world, device)
    finally:
        distributed.destroy_process_group()
