"""Two runs on one device at the same time, as `--per-gpu 2` does it, or one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import multiprocessing

from benchmarks.measure import Result, Say, side_by_side
from benchmarks.subjects import prepared, small_anchors, small_shape
from snnet.config import StitchingConfig
from snnet.distributed import Process
from snnet.network import stitch
from snnet.training import Training

SCALES = ("digits", "fashion")
CONFIG = StitchingConfig(warmup_epochs=2)


def run(quick: bool, say: Say, device: torch.device) -> Iterator[Result]:
    """Small networks, which leave a GPU idle: each run is a process that trains some steps."""
    steps, repeats = (2, 2) if quick else (200, 5)
    for scale in SCALES[:1] if quick else SCALES:
        case = f"{scale}, two runs of {steps} steps"
        say(case)
        runs = [_Run(scale, steps, device) for _ in range(2)]
        try:
            plain, ours, one, other = side_by_side(
                partial(_in_turn, runs), partial(_together, runs), repeats
            )
        finally:
            for each in runs:
                each.end()
        difference = max(abs(a / b - 1) for a, b in zip(one, other, strict=True))
        yield Result("gpu_sharing", case, plain, ours, difference, 1e-3)


def _in_turn(runs: list[_Run]) -> list[float]:
    return [loss for each in runs for loss in _together([each])]


def _together(runs: list[_Run]) -> list[float]:
    for each in runs:
        each.begin()
    return [each.loss() for each in runs]


@dataclass
class _Run:
    """A process that trains when it is told to."""

    scale: str
    steps: int
    device: torch.device

    def __post_init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        arguments = (theirs, self.scale, self.steps, self.device)
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        self._process.start()

    def begin(self) -> None:
        self._pipe.send(True)

    def loss(self) -> float:
        return float(self._pipe.recv())

    def end(self) -> None:
        self._pipe.send(False)
        self._process.join()


def _serve(pipe: Any, scale: str, steps: int, device: torch.device) -> None:
    """Train the same epoch whenever the pipe says true; answer with the loss."""
    torch.set_num_threads(1)
    network = stitch(small_anchors(scale), small_shape(scale)).to(device)
    data = prepared(network.image_shape, steps * CONFIG.batch_size)
    start = {name: value.clone() for name, value in network.state_dict().items()}
    while pipe.recv():
        network.load_state_dict(start)
        training = Training(network, data, CONFIG, Process(device=device))
        metrics = training.run_epoch()
        pipe.send(metrics["loss"] if metrics else float("nan"))
