"""Training loops without the project: plain timm and torch, and the authors' way."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from timm.models.vision_transformer import VisionTransformer
from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2
from torch import Tensor, nn
from torch.nn import functional

from snnet.acceleration import PRECISIONS
from snnet.config import StitchingConfig
from snnet.data.memory import InMemory
from snnet.distributed import CPU
from snnet.network import StitchedNetwork
from snnet.routes import Joint, Route
from snnet.sampling import create_sampler
from snnet.seeding import generator


class HandWritten:
    """What one writes without the project; of `network` it takes the modules alone.

    Attributes:
        fused: whether the optimiser updates all weights in one kernel.
    """

    fused = True

    def __init__(
        self,
        network: StitchedNetwork,
        data: InMemory,
        config: StitchingConfig,
        device: torch.device = CPU,
    ) -> None:
        self.network, self.device = network, device
        self.tf32 = config.precision == "tf32"
        half = PRECISIONS.get(config.precision)
        self.autocast = torch.autocast(device.type, half, enabled=half is not None)
        self.scaler = torch.amp.GradScaler(device.type, enabled=half == torch.float16)
        self.batches = list(data.batches(config.batch_size, config.augmentation))
        self.label_smoothing = config.label_smoothing
        self.anchors = list(network.anchors)
        self.optimizer = create_optimizer_v2(
            network,
            opt="adamw",
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            fused=self.fused,
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
        """Train on all batches."""
        self.network.train()
        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("high" if self.tf32 else before)
        total = 0.0
        for step, (images, labels) in enumerate(self.batches):
            total += self.step(images, labels, self.sequence[step])
            self.scheduler.step_update(step + 1)
        torch.set_float32_matmul_precision(before)

    def step(self, images: Tensor, labels: Tensor, route: Route) -> float:
        """One optimiser step; returns its loss."""
        images = images.to(self.device, non_blocking=True)
        labels = labels.to(self.device, non_blocking=True)
        with self.autocast:
            logits = self.forward(images, route)
        loss = functional.cross_entropy(
            logits.float(), labels, label_smoothing=self.label_smoothing
        )
        self.optimizer.zero_grad()
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss.item()

    def forward(self, images: Tensor, route: Route) -> Tensor:
        """Logits of one route."""
        models: list[Any] = [anchor.model for anchor in self.anchors]
        of_kind = _forward_vit if isinstance(models[0], VisionTransformer) else _forward_lite
        return of_kind(models, self.layers, images, route)


class AuthorsLoop(HandWritten):
    """A step as the authors' engine (that of DeiT) does it: it waits for the device twice."""

    fused = False

    def step(self, images: Tensor, labels: Tensor, route: Route) -> float:
        """One optimiser step; returns its loss."""
        images = images.to(self.device, non_blocking=True)
        labels = labels.to(self.device, non_blocking=True)
        with self.autocast:
            logits = self.forward(images, route)
            loss = functional.cross_entropy(logits, labels, label_smoothing=self.label_smoothing)
        value = loss.item()
        if not math.isfinite(value):
            raise RuntimeError(f"the loss became {value}")
        self.optimizer.zero_grad()
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimizer)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return value


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
