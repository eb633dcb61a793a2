"""Memory of the GPU that a run trains on: its peak, and what to do where it is not enough."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from snnet.distributed import Process
from snnet.errors import OutOfMemoryError, first_line

GIB = 2**30
REFUSALS = ("can't allocate memory", "not enough memory")  # of torch's allocator on CPUs


def forget_peak(device: torch.device) -> None:
    """Begin to look for the peak anew: a worker does several runs."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak_memory(process: Process) -> dict[str, float]:
    """`gpu_peak_gib`: what tensors took at most, on the fullest GPU of the run; empty on CPUs.

    Call it in all processes of a run.
    """
    if process.device.type != "cuda":
        return {}
    peaks = process.everyone(torch.cuda.max_memory_allocated(process.device) / GIB)
    return {"gpu_peak_gib": max(peaks)}


@contextmanager
def explaining_lack(batch_size: int) -> Iterator[None]:
    """Say, where memory is not enough inside, with what batch size that was.

    Raises:
        OutOfMemoryError: it was not enough.
    """
    try:
        yield
    except RuntimeError as error:
        lacks = any(text in str(error) for text in REFUSALS)
        if not lacks and not isinstance(error, torch.OutOfMemoryError):
            raise
        raise OutOfMemoryError(
            f"memory is not enough with batch_size {batch_size}: choose a smaller batch_size, "
            "precision=bf16, or fewer runs on a GPU (--per-gpu 1); torch says: "
            f"{first_line(error)}"
        ) from error
