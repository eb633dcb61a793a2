"""Training steps against plain timm's, and against the authors' loop, written here anew."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace

import torch

from benchmarks.gpu.subject import peaks, subject
from benchmarks.hand_written import AuthorsLoop, HandWritten
from benchmarks.measure import Result, Say, relative_difference, side_by_side
from benchmarks.subjects import prepared
from snnet.config import StitchingConfig
from snnet.distributed import Process
from snnet.training import Training

BASE = StitchingConfig(learning_rate=5e-4, warmup_epochs=2)
CONFIGS = {
    "fp32": BASE,
    "tf32": replace(BASE, precision="tf32"),
    "bf16": replace(BASE, precision="bf16"),
    "fp16": replace(BASE, precision="fp16"),
    "bf16, compiled blocks": replace(BASE, precision="bf16", compile="blocks"),
    "bf16, CUDA graphs": replace(BASE, precision="bf16", cuda_graphs=True),
    "bf16, both": replace(BASE, precision="bf16", compile="blocks", cuda_graphs=True),
}
QUICK = ("fp32", "bf16")
RIVALS = {"plain timm": HandWritten, "the authors' loop": AuthorsLoop}
TARGET = 0.97  # 3 % slower at most
# of final weights; where gradients are small, rounding decides the direction of AdamW's steps
TOLERANCE, HALF_TOLERANCE = 1e-3, 3e-2


def run(quick: bool, say: Say, device: torch.device) -> Iterator[Result]:
    """One random sub-network a step, images at hand; the others in the same precision."""
    steps, repeats, batch = (2, 2, 8) if quick else (20, 9, 128)
    for setting in QUICK if quick else CONFIGS:
        for rival, loop in RIVALS.items():
            name, network = subject(quick, device)
            say(f"{name}, {setting}, {rival}")
            config = replace(CONFIGS[setting], batch_size=batch)
            data = prepared(network.image_shape, steps * batch)
            theirs = loop(deepcopy(network), data, config, device)
            training = Training(network, data, config, Process(device=device))

            def ours(training: Training = training) -> None:
                training.epoch = 0  # the same draws and learning rates in every repeat
                training.run_epoch()

            plain_timing, our_timing, _, _ = side_by_side(theirs.run_epoch, ours, repeats)
            difference = relative_difference(network.parameters(), theirs.network.parameters())
            images = steps * batch
            yield Result(
                "gpu_training_step",
                f"{name}, {setting}, against {rival}",
                plain_timing,
                our_timing,
                difference,
                TOLERANCE if setting == "fp32" else HALF_TOLERANCE,
                None if quick else TARGET,
                facts={
                    "images per second": f"{images / our_timing.median:.0f} "
                    f"(theirs: {images / plain_timing.median:.0f})",
                    **peaks(device, ours=ours, theirs=theirs.run_epoch),
                },
            )
