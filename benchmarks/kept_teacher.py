"""A hard-distilled training step: answers that are kept against asking the teacher."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

import timm
import torch
from torch import nn

from benchmarks.measure import Result, Say, Timing, relative_difference, timed
from benchmarks.subjects import (
    DEIT_SHAPE,
    deit_anchors,
    small_anchors,
    small_shape,
    structured_images,
)
from snnet.anchor_spec import AnchorSpec
from snnet.anchors import Anchor
from snnet.config import StitchingConfig
from snnet.costs import count_macs
from snnet.data.memory import InMemory
from snnet.models import create_model
from snnet.network import StitchedNetwork, stitch
from snnet.teacher_answers import Mark, TeacherAnswers, answers_for
from snnet.training import Training

TARGET = 1.5
TOLERANCE = 1e-6  # of final weights
BATCH = 2
ROUNDS = 3
TEACHER = "regnety_160"  # the paper's
FORWARD_AND_BACK = 3  # times the work of a forward pass


def run(quick: bool, say: Say) -> Iterator[Result]:
    """Every stitch once in a round, and each one's step both ways in turn; random weights."""
    torch.manual_seed(0)
    if quick:
        small = {"img_size": 8, "in_chans": 1, "num_classes": 10}
        spec = AnchorSpec("teacher", "vit_tiny_patch16_224", {**small, "patch_size": 2})
        teacher = create_model(replace(spec, weights="random"))
        yield _compare("digits", small_anchors("digits"), small_shape("digits"), teacher, 2, say)
    else:
        teacher = timm.create_model(TEACHER)
        found = _compare("DeiT-Ti/S/B", deit_anchors(), DEIT_SHAPE, teacher, ROUNDS, say)
        yield replace(found, target=TARGET)


def _compare(
    case: str,
    anchors: Sequence[Anchor],
    shape: tuple[int, int, int],
    teacher: nn.Module,
    rounds: int,
    say: Say,
) -> Result:
    network = stitch(anchors, shape)
    steps = len(network.space.routes)
    config = StitchingConfig(
        epochs=rounds,
        warmup_epochs=0,
        batch_size=BATCH,
        sampling="equal_exposure",
        distillation="hard",
        teacher=AnchorSpec("teacher", TEACHER),
    )
    images = structured_images(steps * BATCH, shape)
    labels = torch.arange(len(images)) % network.classes
    data = InMemory(images, labels, images[:0], labels[:0], labels[:0], network.classes)
    bound = _bound(network, teacher.eval(), shape)
    with TemporaryDirectory() as folder:
        answers = answers_for(config, data, teacher, network.classes, 1, Path(folder))
        ways = [
            Training(deepcopy(network), data, config, teacher=teacher, answers=kept)
            for kept in (None, answers)
        ]
        say(f"{case}: the teacher is asked for the answers that are kept")
        asked, _ = timed(partial(_fill, answers, data, config, teacher))
        taken = []
        for number in range(rounds):
            say(f"{case}: round {number + 1} of {rounds}")
            taken.append(_round(ways, steps))
    asking, reading = ways
    plain, ours = zip(*taken, strict=True)
    weights = (one.network.parameters() for one in (reading, asking))
    difference = relative_difference(*weights)
    return Result(
        "kept_teacher",
        f"{case}, {steps} stitches",
        Timing(plain),
        Timing(ours),
        difference,
        TOLERANCE,
        bounds={"work": bound},
        seconds={f"the teacher on {len(images)} images": asked},
    )


@torch.no_grad()
def _fill(
    answers: TeacherAnswers, data: InMemory, config: StitchingConfig, teacher: nn.Module
) -> None:
    """Keep the answers to an epoch, as a run that came before would."""
    batches = data.batches(config.batch_size, config.augmentation, config.seed, 0)
    for step, (images, _) in enumerate(batches):
        answers.of(0, step, 0, Mark.of(images), partial(teacher, images))


def _round(ways: Sequence[Training], steps: int) -> tuple[float, ...]:
    """Seconds of each way for one epoch, in which each stitch has a step; in turn, step by step."""
    seconds = [0.0] * len(ways)
    for way in ways:
        way.epoch = 0  # the same images, which are the ones with answers
    for step in range(steps):
        for number in (0, 1) if step % 2 else (1, 0):  # the one that goes first changes
            seconds[number] += timed(partial(ways[number].run_epoch, lambda: True))[0]
    return tuple(seconds)


def _bound(network: StitchedNetwork, teacher: nn.Module, shape: tuple[int, int, int]) -> float:
    """MACs of the mean stitch's step with its teacher over those without."""
    with torch.device("meta"):
        asked, _ = count_macs(deepcopy(teacher).to("meta"), torch.zeros(1, *shape))
    step = FORWARD_AND_BACK * mean(macs for macs, _ in network.costs())
    return (step + asked) / step
