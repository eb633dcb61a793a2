"""What a teacher said of the images of each step, kept on disk for all runs that see the same ones.

A file an epoch holds a record for each slice of each step, at a place of its own: the answers, and
a check over them and over the images. What is not there, was torn by a kill, or belongs to other
images does not pass the check; then the teacher is asked, and the record is written anew. So a file
may be complete or not, and several runs may write to one at the same time: all write the same.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from snnet.config import StitchingConfig
from snnet.data.catalogue import dataset_name
from snnet.data.dataset import Data
from snnet.run import ANSWERS

SCHEMA = 1  # raise it when the same settings would keep other answers
SAMPLED = 31  # one value of so many counts for the check: no divisor of usual widths
CHECK_BYTES = 16
MOST_CLASSES = 2**16  # a class takes two bytes
SMALLEST = 1e-12  # probability, so that logarithms stay finite


@dataclass(frozen=True)
class Hard:
    """The class with the largest output: 2 bytes an image."""

    classes: int

    @property
    def image_bytes(self) -> int:
        """Bytes that an image takes."""
        return 2

    def encode(self, outputs: Tensor) -> bytes:
        """What is kept of outputs (B, classes)."""
        return _as_bytes(outputs.argmax(1), np.uint16)

    def decode(self, kept: bytes) -> Tensor:
        """Outputs (B, classes) that teach the same class."""
        labels = torch.from_numpy(np.frombuffer(kept, np.uint16).astype(np.int64))
        return nn.functional.one_hot(labels, self.classes).float()


@dataclass(frozen=True)
class Soft:
    """The largest probabilities at a temperature, in half precision: 4 bytes each.

    What is left is spread evenly over the other classes. So the distribution that teaches differs
    from the teacher's by at most twice what is left, and 2^-10, in the sum over classes.
    """

    classes: int
    temperature: float
    top: int

    @property
    def image_bytes(self) -> int:
        """Bytes that an image takes."""
        return 4 * self.top

    def encode(self, outputs: Tensor) -> bytes:
        """What is kept of outputs (B, classes)."""
        largest, labels = (outputs / self.temperature).softmax(1).topk(self.top)
        return _as_bytes(largest, np.float16) + _as_bytes(labels, np.uint16)

    def decode(self, kept: bytes) -> Tensor:
        """Outputs (B, classes) whose distribution at the temperature is the one that is kept."""
        half = len(kept) // 2
        values, numbers = np.frombuffer(kept[:half], np.float16), np.frombuffer(kept[half:], "<u2")
        largest = torch.from_numpy(values.astype(np.float32)).view(-1, self.top)
        labels = torch.from_numpy(numbers.astype(np.int64)).view(-1, self.top)
        left = (1 - largest.sum(1, keepdim=True)).clamp(min=0) / max(1, self.classes - self.top)
        spread = left.expand(-1, self.classes).scatter(1, labels, largest)
        return self.temperature * spread.clamp(min=SMALLEST).log()


def _as_bytes(values: Tensor, kind: type[np.generic]) -> bytes:
    return values.cpu().numpy().astype(kind).tobytes()


class TeacherAnswers:
    """The answers of one teacher to the images of one way of drawing batches.

    Attributes:
        folder: holds a file for each epoch.
        slices: how many make a step, over all processes.
        images: how many make a slice, at most.
        asked, found: of how many slices the teacher was asked, and of how many it was not.
    """

    def __init__(self, folder: Path, form: Hard | Soft, slices: int, images: int) -> None:
        self.folder, self.form, self.slices, self.images = folder, form, slices, images
        self.asked = self.found = 0

    def of(
        self, epoch: int, step: int, number: int, seen: Mark, ask: Callable[[], Tensor | None]
    ) -> Tensor:
        """Outputs (B, classes), on the CPU, of one slice, as they are kept.

        Arguments:
            number: of the slice in its step.
            seen: its images, before they were mixed.
            ask: gives the teacher's outputs; called where none are kept.
        """
        path = self.folder / f"epoch-{epoch:05}"
        record = self.images * self.form.image_bytes + CHECK_BYTES
        place = (step * self.slices + number) * record
        kept = _read(path, place, seen.images * self.form.image_bytes, seen)
        if kept is None:
            outputs = ask()
            assert outputs is not None  # there is a teacher
            kept = self.form.encode(outputs)
            _write(path, place, kept, seen)
            self.asked += 1
        else:
            self.found += 1
        return self.form.decode(kept)


@dataclass(frozen=True)
class Mark:
    """What tells the images of a slice from others.

    Attributes:
        images: how many there are.
        digest: of one value of 31: images that were augmented otherwise differ everywhere.
    """

    images: int
    digest: bytes

    @classmethod
    def of(cls, images: Tensor) -> Mark:
        """The mark of images (B, ...)."""
        sample = images.flatten(1)[:, ::SAMPLED].cpu().numpy().tobytes()
        return cls(len(images), hashlib.blake2b(sample, digest_size=CHECK_BYTES).digest())


def _check(kept: bytes, seen: Mark) -> bytes:
    return hashlib.blake2b(kept, key=seen.digest, digest_size=CHECK_BYTES).digest()


def _read(path: Path, place: int, size: int, seen: Mark) -> bytes | None:
    """The answers that are kept at a place; None where there are none of these images."""
    try:
        with open(path, "rb", buffering=0) as file:
            record = os.pread(file.fileno(), size + CHECK_BYTES, place)
    except FileNotFoundError:
        return None
    kept = record[:size]
    return kept if record[size:] == _check(kept, seen) else None


def _write(path: Path, place: int, kept: bytes, seen: Mark) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
    try:
        os.pwrite(file, kept + _check(kept, seen), place)
    finally:
        os.close(file)


def answers_for(
    config: StitchingConfig, data: Data, teacher: nn.Module, classes: int, world: int, cache: Path
) -> TeacherAnswers:
    """The answers that runs of these settings share.

    Arguments:
        teacher: on the device where it will be asked.
        classes: how many it tells apart.
        world: how many processes share the run.
        cache: the folder of all that runs share.

    Raises:
        ValueError: it tells more classes apart than two bytes can.
    """
    if classes > MOST_CLASSES:
        raise ValueError(
            f"the teacher tells {classes} classes apart, and answers are kept of at most "
            f"{MOST_CLASSES}; set teacher_answers to asked"
        )
    form = form_of(config, classes)
    slices = max(config.subnetworks_per_step, world)
    device = next(teacher.parameters()).device.type
    content = [SCHEMA, repr(form), slices, _digest(teacher), device, data.preparation]
    digest = hashlib.sha256(json.dumps([*content, seen_by(config)]).encode()).hexdigest()[:16]
    images = -(-config.batch_size // slices)
    return TeacherAnswers(cache / ANSWERS / digest, form, slices, images)


def form_of(config: StitchingConfig, classes: int) -> Hard | Soft:
    """What is kept of an answer."""
    if config.distillation == "hard":
        return Hard(classes)
    return Soft(classes, config.distillation_temperature, min(config.teacher_top, classes))


def seen_by(config: StitchingConfig) -> Sequence[object]:
    """The settings that decide which images a teacher sees in a step, and how exactly."""
    return [
        dataset_name(config),
        asdict(config.augmentation),
        config.batch_size,
        config.subnetworks_per_step,
        config.seed,
        config.precision,
    ]


def _digest(teacher: nn.Module) -> str:
    """A digest of all weights."""
    found = hashlib.sha256(type(teacher).__name__.encode())
    for name, values in teacher.state_dict().items():
        found.update(f"{name} {tuple(values.shape)} {values.dtype}".encode())
        found.update(values.cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return found.hexdigest()
