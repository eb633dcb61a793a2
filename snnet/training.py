"""Joint training of all stitches (SN-Net paper, section 3.4)."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from snnet.config import StitchingConfig
from snnet.data import Data
from snnet.network import StitchedNetwork
from snnet.optimisation import create_optimisation
from snnet.sampling import random_sampler, sandwich_sampler
from snnet.seeding import generator


class DivergenceError(RuntimeError):
    """The loss is no longer a finite number."""


class Training:
    """Trains a stitched network epoch by epoch; can be saved and resumed between epochs.

    Every epoch draws from generators of its own (seed and epoch), so a resumed training ends with
    the same bits as one that was never stopped.
    """

    def __init__(self, network: StitchedNetwork, data: Data, config: StitchingConfig) -> None:
        self.network = network
        self.data = data
        self.config = config
        self.epoch = 0
        stitches = len(network.space.routes)
        self.visits = torch.zeros(stitches, dtype=torch.long)
        self.seconds = 0.0
        network.anchors.requires_grad_(config.tuning == "full")
        steps = len(data.train_labels) // config.batch_size
        if steps == 0:
            raise ValueError(
                f"batch_size is {config.batch_size}, but there are only "
                f"{len(data.train_labels)} training images; choose a smaller one"
            )
        self.optimizer, self.scheduler = create_optimisation(network, config, steps)
        self._steps_per_epoch = steps
        self._draw = (
            random_sampler(stitches)
            if config.sampling == "random"
            else sandwich_sampler(stitches, len(network.anchors), config.sandwich_random)
        )

    def run_epoch(self) -> dict[str, float]:
        """Train one epoch; returns its mean loss, top-1 on the training batches, and counts.

        `loss` and `train_top1` (share right) are of the sub-networks that learn from labels.

        Raises:
            DivergenceError: the loss became infinite or not a number.
        """
        config, start = self.config, time.perf_counter()
        self.network.train()
        if config.tuning == "stitching_layers":
            self.network.anchors.eval()
        draws = generator("stitches", config.seed, self.epoch)
        # drop path and dropout draw from torch's own generator
        torch.manual_seed(generator("model", config.seed, self.epoch).initial_seed())
        loss_sum, right, images_seen = 0.0, 0, 0
        batches = self.data.batches(config.batch_size, config.augmentation, config.seed, self.epoch)
        for step, (images, labels) in enumerate(batches):
            stitches = self._draw(draws)
            loss, logits = self._step(images, labels, stitches)
            if not torch.isfinite(loss):
                raise DivergenceError(
                    f"the loss became {loss.item()} in epoch {self.epoch}, step {step}, stitch "
                    f"{stitches[0]} ({self.network.space.routes[stitches[0]].name}); "
                    "try a lower learning_rate"
                )
            self.scheduler.step_update(self.epoch * self._steps_per_epoch + step + 1)
            self.visits[stitches] += 1
            loss_sum += loss.item() * len(labels)
            right += int((logits.argmax(1) == labels).sum())
            images_seen += len(labels)
        self.epoch += 1
        self.seconds += time.perf_counter() - start
        return {
            "loss": loss_sum / images_seen,
            "train_top1": right / images_seen,
            "learning_rate": self.optimizer.param_groups[0]["lr"],
            "images_seen": float(self.epoch * images_seen),
            "passes": float(self.visits.sum()),
        }

    def _step(self, images: Tensor, labels: Tensor, stitches: list[int]) -> tuple[Tensor, Tensor]:
        """The first stitch learns from the labels, the others from its detached soft output."""
        routes = self.network.space.routes
        self.optimizer.zero_grad(set_to_none=True)
        logits = self.network(images, routes[stitches[0]])
        loss = functional.cross_entropy(logits, labels, label_smoothing=self.config.label_smoothing)
        if loss.requires_grad:  # not where a bare, frozen anchor was drawn
            loss.backward()
        soft = logits.detach().softmax(1)
        for stitch in stitches[1:]:
            distilled = functional.cross_entropy(self.network(images, routes[stitch]), soft)
            if distilled.requires_grad:
                distilled.backward()
        self.optimizer.step()
        return loss.detach(), logits.detach()

    def state_dict(self) -> dict[str, Any]:
        """All that resuming needs; tensors and plain values only."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "epoch": self.epoch,
            "visits": self.visits,
            "seconds": self.seconds,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.epoch, self.visits, self.seconds = state["epoch"], state["visits"], state["seconds"]
