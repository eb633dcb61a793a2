"""The project's training loop against the same loop written by hand in plain timm and torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

import torch
from timm.models.vision_transformer import VisionTransformer
from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.measure import Result, Say, relative_difference, side_by_side
from benchmarks.subjects import lite_anchors, small_anchors, small_shape, structured_images
from snnet.config import Augmentation, StitchingConfig
from snnet.data.dataset import WHOLE, Batches, Part
from snnet.data.memory import InMemory
from snnet.network import StitchedNetwork, stitch
from snnet.routes import Joint, Route
from snnet.sampling import create_sampler
from snnet.scales import SCALES
from snnet.seeding import generator
from snnet.training import Training

TARGET = 0.97  # 3 % slower at most
TOLERANCE = 1e-3  # of final weights, after all repeats
CLASSES = 10


def run(quick: bool, say: Say) -> Iterator[Result]:
    """Steps of one random sub-network, images prepared beforehand: 64 a step, of Lite's 32."""
    steps, repeats = (5, 3) if quick else (10, 75)  # short turns: the machine's moods meet both
    for scale in ("digits",) if quick else ("digits", "fashion", "lite"):
        case = f"{scale}, {steps} steps"
        say(case)
        network, config = _subject(scale)
        data = _prepared(network.image_shape, steps * config.batch_size)
        by_hand = _HandWritten(deepcopy(network), data, config)
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


class _Prepared(InMemory):
    """Data with equal batches in every epoch."""

    def batches(
        self,
        batch_size: int,
        augmentation: Augmentation,
        *purpose: object,
        start: int = 0,
        part: Part = WHOLE,
    ) -> Batches:
        """The training images in order, as they are."""
        images, labels = self.train_images.split(batch_size), self.train_labels.split(batch_size)
        return zip(images, labels, strict=True)


def _prepared(shape: tuple[int, ...], count: int) -> _Prepared:
    images, labels = structured_images(count, shape), torch.arange(count) % CLASSES
    return _Prepared(images, labels, images[:0], labels[:0], labels[:0], CLASSES)


class _HandWritten:
    """What one writes without the project; of `network` it takes the modules alone."""

    def __init__(self, network: StitchedNetwork, data: _Prepared, config: StitchingConfig) -> None:
        self.network = network
        self.batches = list(data.batches(config.batch_size, config.augmentation))
        self.label_smoothing = config.label_smoothing
        self.anchors = list(network.anchors)
        self.optimizer = create_optimizer_v2(
            network,
            opt="adamw",
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            fused=True,
        )
        self.scheduler, _ = create_scheduler_v2(
            self.optimizer,
            sched="cosine",
            num_epochs=config.epochs,
            warmup_epochs=config.warmup_epochs,
            warmup_lr=config.learning_rate / 100,
            min_lr=config.learning_rate / 100,
            step_on_epochs=False,
            updates_per_epoch=len(self.batches),
        )
        sampler, routes = create_sampler(network, config, lambda: []), network.space.routes
        unseen = torch.zeros(len(routes))
        self.sequence = [  # as the project draws it in epoch 0
            routes[sampler(generator("stitches", config.seed, 0, step, 0), unseen)[0]]
            for step in range(len(self.batches))
        ]
        self.layers = {joint: network.layers[n] for joint, n in network.space.layer_of().items()}
        self.scheduler.step_update(0)

    def run_epoch(self) -> None:
        self.network.train()
        total = 0.0
        for step, (images, labels) in enumerate(self.batches):
            logits = self.forward(images, self.sequence[step])
            loss = functional.cross_entropy(logits, labels, label_smoothing=self.label_smoothing)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.scheduler.step_update(step + 1)
            total += loss.item()

    def forward(self, images: Tensor, route: Route) -> Tensor:
        models: list[Any] = [anchor.model for anchor in self.anchors]
        of_kind = _forward_vit if isinstance(models[0], VisionTransformer) else _forward_lite
        return of_kind(models, self.layers, images, route)


Layers = Mapping[Joint, nn.Module]


def _forward_vit(models: list[Any], layers: Layers, images: Tensor, route: Route) -> Tensor:
    first = models[route.first]
    tokens = first.norm_pre(first._pos_embed(first.patch_embed(images)))
    model, start = first, 0
    for joint in route.joints:
        for block in model.blocks[start : joint.front_block + 1]:
            tokens = block(tokens)
        tokens = layers[joint](tokens)
        model, start = models[joint.back], joint.back_block
    for block in model.blocks[start:]:
        tokens = block(tokens)
    return model.forward_head(model.norm(tokens))


def _forward_lite(models: list[Any], layers: Layers, images: Tensor, route: Route) -> Tensor:
    blocks = [[block for stage in model.blocks for block in stage] for model in models]
    number, start = route.first, 0
    features = models[number].bn1(models[number].conv_stem(images))
    for joint in route.joints:
        for block in blocks[number][start : joint.front_block + 1]:
            features = block(features)
        layer: Any = layers[joint]
        features = functional.conv2d(features, layer.weight[:, :, None, None], layer.bias)
        number, start = joint.back, joint.back_block
    for block in blocks[number][start:]:
        features = block(features)
    last = models[number]
    pooled = last.global_pool(last.bn2(last.conv_head(features)))
    logits: Tensor = last.classifier(functional.dropout(pooled, last.drop_rate, last.training))
    return logits
