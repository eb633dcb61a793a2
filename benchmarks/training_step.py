"""The project's training loop against the same loop written by hand in plain timm and torch."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace

from benchmarks.hand_written import HandWritten
from benchmarks.measure import Result, Say, relative_difference, side_by_side
from benchmarks.subjects import lite_anchors, prepared, small_anchors, small_shape
from snnet.config import StitchingConfig
from snnet.network import StitchedNetwork, stitch
from snnet.scales import SCALES
from snnet.training import Training

TARGET = 0.97  # 3 % slower at most
TOLERANCE = 1e-3  # of final weights, after all repeats


def run(quick: bool, say: Say) -> Iterator[Result]:
    """Steps of one random sub-network, images prepared beforehand: 64 a step, of Lite's 32."""
    steps, repeats = (5, 3) if quick else (10, 75)  # short turns: the machine's moods meet both
    for scale in ("digits",) if quick else ("digits", "fashion", "lite"):
        case = f"{scale}, {steps} steps"
        say(case)
        network, config = _subject(scale)
        data = prepared(network.image_shape, steps * config.batch_size)
        by_hand = HandWritten(deepcopy(network), data, config)
        training = Training(network, data, config)

        def ours(training: Training = training) -> None:
            training.epoch = 0  # the same draws and learning rates in every repeat
            training.run_epoch()

        plain_timing, our_timing, _, _ = side_by_side(by_hand.run_epoch, ours, repeats)
        difference = relative_difference(network.parameters(), by_hand.network.parameters())
        yield Result("training_step", case, plain_timing, our_timing, difference, TOLERANCE, TARGET)


def _subject(scale: str) -> tuple[StitchedNetwork, StitchingConfig]:
    """The network of a scale, untrained, and settings of its training."""
    config = StitchingConfig(dataset=scale, learning_rate=5e-4, warmup_epochs=2)
    if scale != "lite":
        return stitch(small_anchors(scale), small_shape(scale)), config
    (settings,) = SCALES[scale].values()
    batch = replace(config, dataset=settings["dataset"], batch_size=settings["batch_size"])
    shape = 1, settings["pixels"], settings["pixels"]
    return stitch(lite_anchors(), shape, stages=settings["stages"]), batch
