"""GPUs that only nvidia-smi knows of."""

from __future__ import annotations

import os
from pathlib import Path

from ablations import machine

WHOLE = (
    "GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-aaaa-0)",
    "GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-bbbb-1)",
    "GPU 2: Tesla V100 (UUID: GPU-cccc-2)",
)


def pretend_gpus(monkeypatch, folder: Path, listed, script: str | None = "") -> None:
    """From now on nvidia-smi lists these lines.

    Arguments:
        script: what it does in their place; None: there is no nvidia-smi.
    """
    place = folder / "nvidia"
    place.mkdir()
    if script is not None:
        (place / "list").write_text("".join(f"{line}\n" for line in listed))
        (place / "nvidia-smi").write_text(f"#!/bin/sh\n{script or f'cat {place}/list'}\n")
        (place / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{place}{os.pathsep}{os.environ['PATH']}")
    machine._listed.cache_clear()
    monkeypatch.setattr(machine, "_listed", machine._listed.__wrapped__)
