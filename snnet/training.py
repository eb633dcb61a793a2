"""Joint training of all stitches (SN-Net paper, section 3.4)."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice
from typing import Any

import torch
from timm.utils.clip_grad import dispatch_clip_grad
from torch import Tensor, nn

from snnet.acceleration import Acceleration
from snnet.candidates import Candidates
from snnet.config import StitchingConfig
from snnet.data.dataset import Batches, Data
from snnet.data.waiting import Waiting
from snnet.distillation import Supervision
from snnet.distributed import Process
from snnet.errors import DivergenceError
from snnet.importance import importance
from snnet.matching import Matching
from snnet.network import StitchedNetwork
from snnet.optimisation import create_optimisation
from snnet.passes import Passes
from snnet.sampling import create_sampler
from snnet.seeding import generator
from snnet.shared_forward import run_stitches
from snnet.tally import StepLosses, Tally
from snnet.teacher_answers import Mark, TeacherAnswers
from snnet.tuning import merge_updates, tune

# after how many steps losses and flags are read: a GPU need not wait for Python in between
READ_EVERY = {"cpu": 1, "cuda": 10}


class Training:
    """Trains a stitched network; can be saved and resumed between any two steps.

    A step's batch is cut into `subnetworks_per_step` slices; each trains the stitches that it
    draws. Every draw depends on seed, epoch, step and slice alone, so a resumed training ends with
    the same bits as one that was never stopped, and several processes, each with its slices, do
    what one would do.

    Where settings ask for it, stitching layers match features in the first epochs, and only then
    targets teach (see `snnet.matching`). One schedule of the learning rate spans both phases.

    Attributes:
        epoch, step: done so far; `step` counts inside the epoch.
        acceleration: how steps are computed.
        visits: how often each stitch was trained, over all processes and both phases.
        read_every: after so many steps losses are read, and `pause` is asked.
        trained_params: how many parameters training changes of each sub-network.
        all_trained_params: and of the network.
        seconds: spent training.
    """

    def __init__(
        self,
        network: StitchedNetwork,
        data: Data,
        config: StitchingConfig,
        process: Process | None = None,
        teacher: nn.Module | None = None,
        answers: TeacherAnswers | None = None,
    ) -> None:
        self.network, self.data, self.config = network, data, config
        self.process = process or Process()
        self.supervision = Supervision(config, data.task, teacher, answers)
        self.epoch = self.step = 0
        self.visits = torch.zeros(len(network.space.routes), dtype=torch.long)
        self.seconds = 0.0
        self.steps_per_epoch = steps_of(config, data)
        tune(network, config)
        self.trained_params = network.trained_params()
        self._tuned = [p for p in network.anchors.parameters() if p.requires_grad]
        self.optimizer, self.scheduler = create_optimisation(
            {
                network.anchors: config.anchor_learning_rate,
                network.layers: 1.0,
                network.updates: 1.0,
            },
            config,
            self.steps_per_epoch,
        )
        self._slices = slices_of(config.subnetworks_per_step, self.process)
        self._sampler = create_sampler(network, config, self._judge)
        has_phase = config.matching != "none"
        self._first_phase = Matching(network, config, self._judge) if has_phase else None
        self._earlier = torch.zeros_like(self.visits)  # visits of matching, once that is over
        self._passes = self.process.wrap(Passes(network))
        self._parameters = [p for p in network.parameters() if p.requires_grad]
        self.all_trained_params = sum(p.numel() for p in self._parameters)
        self._buffers = [b for b in network.buffers() if b.is_floating_point()]
        half = config.precision == "fp16"
        self.scaler = torch.amp.GradScaler(self.process.device.type, enabled=half)
        self.acceleration = Acceleration(network, config, self.process)
        self.read_every = READ_EVERY.get(self.process.device.type, 1)
        self._batches: Batches | None = None
        self._start_epoch()

    def _judge(self) -> list[float]:
        """Importance of all stitches, in all processes as the first one finds it."""
        found = Candidates(self.network, self.data, self.config).judged(importance)
        return self.process.everyone(found)[0]

    @property
    def matching(self) -> Matching | None:
        """The phase that matches features, while it lasts."""
        phase = self._first_phase
        return phase if phase and self.epoch < phase.epochs else None

    def _start_epoch(self) -> None:
        self._tally = Tally()  # of this process
        self._epoch_seconds, self._waiting = 0.0, Waiting()

    def run_epoch(self, pause: Callable[[], bool] = lambda: False) -> dict[str, float] | None:
        """Train to the end of the epoch; returns its mean loss, score, speed, and counts.

        `data_wait_share` is the part of the time in which this process waited for images.

        `loss` and the score, such as `train_top1` (share of images), are of the sub-networks that
        learn from targets. An epoch of matching has `matching_loss` in place of both.

        Arguments:
            pause: asked after every step, on a GPU every `READ_EVERY`. Once it is true in any
                process, all stop there and return None; the next call goes on.

        Raises:
            DivergenceError: a loss became infinite or not a number, in any process.
        """
        for parameter in self._tuned:
            parameter.requires_grad_(self.matching is None)
        self.network.train()
        if self.matching or self.config.tuning == "stitching_layers":
            self.network.anchors.eval()
        if self._batches is None:
            config = self.config
            batches = self.data.batches(
                config.batch_size,
                config.augmentation,
                config.seed,
                self.epoch,
                start=self.step,
                part=self.process.part,
            )
            self._batches = islice(batches, self.steps_per_epoch - self.step)
        start = time.perf_counter()
        # matching runs blocks twice
        with self.acceleration.in_use(graphs=self.matching is None):
            paused = self._run_steps(self._waiting.through(self._batches), pause)
        self._epoch_seconds += time.perf_counter() - start
        return None if paused else self._end_epoch()

    def _run_steps(self, batches: Batches, pause: Callable[[], bool]) -> bool:
        """Train on these batches; returns whether a pause ended it before the epoch's end."""
        for images, labels in batches:
            self._train_step(images, labels)
            self.step += 1
            self.scheduler.step_update(self.epoch * self.steps_per_epoch + self.step)
            reads = self.step % self.read_every == 0
            if reads and self._read(pause()) and self.step < self.steps_per_epoch:
                return True
        self._read(pausing=False)
        return False

    def _read(self, pausing: bool) -> bool:
        """Read what the steps gave; returns whether any process is to pause.

        Raises:
            DivergenceError: a loss became infinite or not a number, in any process.
        """
        problem = self._problem()
        paused, failed = self.process.any(pausing, bool(problem))
        if failed:
            problems = [text for text in self.process.everyone(problem) if text]
            raise DivergenceError(f"{problems[0]}; try a lower learning_rate")
        return paused

    def _train_step(self, images: Tensor, labels: Tensor) -> None:
        """One optimiser step, without waiting for a GPU."""
        self.acceleration.begin_step()
        device, config = self.process.device, self.config
        purpose = (config.seed, self.epoch, self.step)
        sampler = self.matching.sampler if self.matching else self._sampler
        drawn: list[list[int]] = []
        for n in range(config.subnetworks_per_step):
            visits = self.visits - self._earlier  # of this phase
            drawn.append(sampler(generator("stitches", *purpose, n), visits))
            self.visits[drawn[-1]] += 1
        chosen = [drawn[number] for number in self._slices]
        count = len(self._slices)
        marks = [self.supervision.mark(images[n::count]) for n in range(count)]
        layout = self.acceleration.layout
        images = images.to(device, non_blocking=True, memory_format=layout)
        labels = labels.to(device, non_blocking=True)
        losses = self._losses(images, labels, chosen, marks, *purpose)
        self._optimise(losses)
        for n, (stitches, one) in enumerate(zip(chosen, losses, strict=True)):
            count = len(labels[n :: len(self._slices)])
            self._tally.add_losses(StepLosses(self.step, stitches, one, count))

    def _losses(
        self,
        images: Tensor,
        labels: Tensor,
        chosen: list[list[int]],
        marks: list[Mark | None],
        *purpose: object,
    ) -> list[list[Tensor]]:
        """The losses of every slice's passes; counts the score where targets teach."""
        slices, targets = self._mixed_slices(images, labels, *purpose)
        seeds = [generator("model", *purpose, n).initial_seed() for n in self._slices]
        with self.acceleration.autocast():
            if self.matching:
                return self._passes(self.matching.losses, slices, chosen, seeds)
            taught = self._ask(slices, marks)
            logits = self._passes(run_stitches, slices, chosen, seeds)
        for n, (first, *_) in enumerate(logits):
            self._tally.add_score(self.data.task.total(first, labels[n :: len(self._slices)]))
        return [
            [self.supervision.loss(first.float(), target, teacher)]
            + [self.data.task.follow(other.float(), first.float()) for other in others]
            for (first, *others), target, teacher in zip(logits, targets, taught, strict=True)
        ]

    def _ask(self, slices: list[Tensor], marks: list[Mark | None]) -> list[Tensor | None]:
        """The teacher's outputs of every slice."""
        alone = self.process.world > self.config.subnetworks_per_step  # with a part of a slice
        numbers = [self.process.rank] if alone else self._slices
        return [
            self.supervision.ask(one, (self.epoch, self.step, number), mark)
            for number, one, mark in zip(numbers, slices, marks, strict=True)
        ]

    def _mixed_slices(
        self, images: Tensor, labels: Tensor, *purpose: object
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Images and targets of every slice of this process, mixed as the settings say."""
        mixed = [
            self.data.task.mix(
                images[n :: len(self._slices)],
                labels[n :: len(self._slices)],
                self.config.augmentation,
                self.network.classes,
                self.config.label_smoothing,
                *purpose,
                number,
            )
            for n, number in enumerate(self._slices)
        ]
        return [images for images, _ in mixed], [targets for _, targets in mixed]

    def _optimise(self, losses: list[list[Tensor]]) -> None:
        """Backward and step; a step's loss is the mean over slices of the sum over passes."""
        total = torch.stack([torch.stack(one).sum() for one in losses]).mean()
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(total).backward()
        if self.config.gradient_clip is not None:
            self.scaler.unscale_(self.optimizer)
            dispatch_clip_grad(
                self._parameters, self.config.gradient_clip, self.config.gradient_clip_by
            )
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.process.average(self._buffers)  # running statistics of batch norms

    def _problem(self) -> str:
        """Read the tally; returns what went wrong, if anything."""
        broken = self._tally.read()
        if broken is None:
            return ""
        step, stitch, loss = broken
        name = self.network.space.routes[stitch].name
        return (
            f"the loss became {loss} in epoch {self.epoch}, step {step}, stitch {stitch} ({name})"
        )

    @property
    def _sums(self) -> list[float]:
        return [self._tally.loss, self._tally.score, self._tally.seen]

    def _end_epoch(self) -> dict[str, float]:
        sums = self.process.everyone(self._sums)
        loss, score, seen = (sum(values) for values in zip(*sums, strict=True))
        if self.matching:
            learned = {"matching_loss": loss / seen}
        else:
            learned = {"loss": loss / seen, f"train_{self.data.task.score.name}": score / seen}
        self.epoch, self.step, self._batches = self.epoch + 1, 0, None
        if self._first_phase and self.epoch == self._first_phase.epochs:
            self._earlier = self.visits.clone()
        self.seconds += self._epoch_seconds
        metrics = {
            **learned,
            "learning_rate": self.optimizer.param_groups[-1]["lr"],
            "images_seen": float(self.epoch * seen),
            "images_per_second": seen / self._epoch_seconds,
            "data_wait_share": self._waiting.seconds / self._epoch_seconds,
            "passes": float(self.visits.sum()),
        }
        self._start_epoch()
        return metrics

    def finish(self) -> None:
        """Merge what was trained beside the anchors' weights into them; there is no going on."""
        merge_updates(self.network.anchors)

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that resuming needs, but for the network: tensors by name, and plain values."""
        tensors = {
            f"{number}.{name}": value
            for number, values in self.optimizer.state_dict()["state"].items()
            for name, value in values.items()
        }
        values = {
            "epoch": self.epoch,
            "step": self.step,
            "visits": self.visits.tolist(),
            "earlier": self._earlier.tolist(),
            "seconds": self.seconds,
            "epoch_seconds": self._epoch_seconds,
            "epoch_waited": self._waiting.seconds,
            # of every process: call it in all of them
            "sums": self.process.everyone(self._sums),
            "scaler": self.scaler.state_dict(),
        }
        return tensors, values

    def resume(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        optimizer: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            number, _, field = name.partition(".")
            optimizer.setdefault(int(number), {})[field] = tensor
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": optimizer, "param_groups": groups})
        self.epoch, self.step = values["epoch"], values["step"]
        self.visits = torch.tensor(values["visits"])
        # there is none in checkpoints of before there was matching
        self._earlier = torch.tensor(values.get("earlier", [0] * len(self.visits)))
        self.seconds, self._epoch_seconds = values["seconds"], values["epoch_seconds"]
        self._waiting = Waiting(values.get("epoch_waited", 0.0))  # earlier checkpoints say nothing
        sums = values["sums"]
        if len(sums) == self.process.world:
            self._tally = Tally(*sums[self.process.rank])
        else:  # saved by another number of processes
            mine = [sum(column) for column in zip(*sums, strict=True)]
            self._tally = Tally(*mine) if self.process.first else Tally()
        self.scaler.load_state_dict(values["scaler"])
        self.scheduler.step_update(self.epoch * self.steps_per_epoch + self.step)
        self._batches = None


def steps_of(config: StitchingConfig, data: Data) -> int:
    """Steps of an epoch, of all images or of as many as the settings say.

    Raises:
        ValueError: there are fewer images than one step takes.
    """
    steps = data.steps(config.batch_size)
    if config.images_per_epoch is None:
        return steps
    return min(steps, config.images_per_epoch // config.batch_size)


def slices_of(count: int, process: Process) -> list[int]:
    """The numbers of a step's `count` slices that this process trains.

    Where there are more processes than slices, several share one: each draws the same stitches.

    Raises:
        ValueError: neither number divides the other.
    """
    rank, world = process.part
    if count % world == 0:
        return list(range(rank, count, world))
    if world % count == 0:
        return [rank % count]
    raise ValueError(
        f"subnetworks_per_step ({count}) and the number of processes ({world}) do not divide one "
        "another; change one of them"
    )
