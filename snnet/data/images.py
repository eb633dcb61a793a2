"""Datasets that timm reads: image folders, torchvision's, Hugging Face's, WebDataset, TFDS.

Each image's augmentation depends on its place in the epoch alone, so neither resuming nor the
number of loader workers or processes changes it.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import torch
from PIL.Image import Image
from timm.data import create_dataset
from timm.data.distributed_sampler import RepeatAugSampler
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from snnet.config import Augmentation
from snnet.data.locations import DATA_VARIABLE, REMOTE, TEST_SPLITS, data_root, image_folder
from snnet.data.memory import CALIBRATION_BATCH, WHOLE, Batches, Data, Part
from snnet.data.preprocessing import Preprocessing
from snnet.errors import MissingDataError
from snnet.seeding import generator

Place = tuple[int, int]  # position in the epoch, index in the dataset


def load_images(
    dataset: str,
    preprocessing: Preprocessing,
    train: int | None,
    test: int | None,
    validation: int | None = None,
) -> TimmData:
    """Open a dataset: the name of an image folder, or with one of timm's prefixes (torch/cifar10).

    Arguments:
        train, test: only so many images, drawn once for all runs.
        validation: so many of the training set are held back, drawn once for all runs.

    Raises:
        MissingDataError: it is not there, or cannot be read.
        ValueError: its training and test set hold different classes, or no image is left to train.
    """
    openers = [
        partial(_open, dataset, split, preprocessing, count)
        for split, count in (("train", train), ("validation", test))
    ]
    sets = [opener() for opener in openers]
    classes = [_classes(opened) for opened in sets]
    if isinstance(classes[0], dict) and isinstance(classes[1], dict) and classes[0] != classes[1]:
        differing = sorted(set(classes[0]) ^ set(classes[1])) or ["their order"]
        raise ValueError(
            f"dataset {dataset}: training and test set differ in {len(differing)} classes, for "
            f"example {differing[0]}; give both the same class folders"
        )
    known = classes[0]
    training = Source.of(sets[0], openers[0], "train", None if validation else train)
    held_back = None
    if validation:
        training, held_back = training.hold_back(validation, train)
    return TimmData(
        training,
        Source.of(sets[1], openers[1], "test", test),
        len(known) if known else None,
        preprocessing,
        held_back,
    )


def _open(dataset: str, split: str, preprocessing: Preprocessing, count: int | None) -> Any:
    prefix = dataset.partition("/")[0]
    options: dict[str, Any] = {"input_img_mode": preprocessing.mode}
    if prefix in REMOTE:
        root, name = data_root(), dataset
        if prefix in ("torch", "tfds", "hfids"):
            options["download"] = True
        if prefix in ("wds", "hfids", "tfds"):
            options |= {"is_training": split == "train", "num_samples": count}
        if prefix == "wds":
            root, name = root / dataset.partition("/")[2], "wds/"
    else:
        root, name = image_folder(dataset), ""
        names = ("train",) if split == "train" else TEST_SPLITS
        root = next(root / each for each in names if (root / each).is_dir())
    try:
        return create_dataset(name, root=str(root), split=split, search_split=False, **options)
    except Exception as error:  # whatever the many readers raise
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise MissingDataError(
            f"dataset {dataset} ({split}) cannot be read from {root}: {reason}; set "
            f"{DATA_VARIABLE} to the directory that holds it, and install what its reader needs"
        ) from None


def _classes(dataset: Any) -> Any:
    """Names of classes with their labels, where the dataset knows them."""
    reader = getattr(dataset, "reader", dataset)
    found = getattr(reader, "class_to_idx", None) or getattr(dataset, "class_to_idx", None)
    return dict(found) if found else None


@dataclass(frozen=True)
class Source:
    """One set: a dataset, and which of its images are used (None: it can only be streamed)."""

    dataset: Any
    opener: Callable[[], Any]  # opens it again: a reader keeps its place from stream to stream
    indices: Tensor | None
    count: int

    @classmethod
    def of(cls, dataset: Any, opener: Callable[[], Any], kind: str, count: int | None) -> Source:
        """Take `count` images of a dataset, or all."""
        length = len(dataset)
        if isinstance(dataset, IterableDataset):
            if not length:
                raise ValueError(
                    "a streamed dataset does not tell its length; set training_images and "
                    "test_images"
                )
            return cls(dataset, opener, None, count or length)
        order = torch.randperm(length, generator=generator("subset", kind))[:count]
        indices = torch.arange(length) if count is None else order.sort().values
        return cls(dataset, opener, indices, len(indices))

    def hold_back(self, count: int, left: int | None) -> tuple[Source, Source]:
        """What is left to train on (at most `left` images), and `count` images to choose by.

        Raises:
            ValueError: the set can only be streamed, or has no more images than `count`.
        """
        if self.indices is None or count >= self.count:
            reason = "the set can only be streamed" if self.indices is None else f"of {self.count}"
            raise ValueError(
                f"validation_images is {count}, and cannot be held back: {reason}; lower it or "
                "leave it out"
            )
        order = torch.randperm(self.count, generator=generator("subset", "validation"))
        held, rest = self.indices[order[:count].sort().values], self.indices[order[count:]]
        training = rest[:left].sort().values
        return (
            replace(self, indices=training, count=len(training)),
            replace(self, indices=held, count=count),
        )


@dataclass(frozen=True)
class TimmData(Data):
    """A training and a test set read by timm.

    Streamed sets (wds, tfds, hfids) come in the order that their reader draws from the epoch's
    seed, and several processes split them as the reader does: their batches are not those of one.
    """

    train: Source
    test: Source
    classes: int | None
    preprocessing: Preprocessing
    held_back: Source | None = None

    @property
    def train_count(self) -> int:
        """Number of training images."""
        return self.train.count

    @property
    def test_count(self) -> int:
        """Number of test images."""
        return self.test.count

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(channels, height, width)."""
        return self.preprocessing.image_shape

    def batches(
        self,
        batch_size: int,
        augmentation: Augmentation,
        *purpose: object,
        start: int = 0,
        part: Part = WHOLE,
    ) -> Batches:
        """See `Data.batches`."""
        first, parts = part
        steps = self.steps(batch_size)
        transform = self.preprocessing.for_training(augmentation)
        if self.train.indices is None:
            items = _stream(self.train.opener(), transform, self.preprocessing.mode, purpose)
            yield from islice(_collect(items, batch_size // parts), start, steps)
            return
        order = self._order(augmentation.repeats, purpose)
        chosen = [
            [
                (position, order[position])
                for position in range(step * batch_size + first, (step + 1) * batch_size, parts)
            ]
            for step in range(start, steps)
        ]
        seeded = Seeded(self.train.dataset, transform, self.preprocessing.mode, purpose)
        yield from _load(seeded, chosen)

    def _order(self, repeats: int, purpose: tuple[object, ...]) -> list[int]:
        """Indices in the order of the epoch; with repeats, fewer images so many times each."""
        assert self.train.indices is not None
        draws = generator("order", *purpose)
        if repeats == 1:
            return self.train.indices[torch.randperm(self.train_count, generator=draws)].tolist()
        sampler = RepeatAugSampler(
            self.train.indices, num_replicas=1, rank=0, num_repeats=repeats, selected_round=0
        )
        sampler.set_epoch(draws.initial_seed())
        return self.train.indices[list(sampler)].tolist()

    def calibration(self, count: int, seed: int) -> Iterator[Tensor]:
        """See `Data.calibration`. Of a streamed set, the first images that the seed gives."""
        self.check_calibration(count)
        transform, mode = self.preprocessing.for_test(), self.preprocessing.mode
        if self.train.indices is None:
            items = _stream(self.train.opener(), transform, mode, ("calibration", seed))
            for images, _ in _collect(islice(items, count), CALIBRATION_BATCH, last=True):
                yield images
            return
        order = torch.randperm(self.train_count, generator=generator("calibration", seed))
        places = [(n, int(self.train.indices[n])) for n in order[:count]]
        seeded = Seeded(self.train.dataset, transform, mode, ())
        for images, _ in _load(seeded, _cut(places, CALIBRATION_BATCH)):
            yield images

    def test_batches(self, batch_size: int, part: Part = WHOLE) -> Batches:
        """See `Data.test_batches`."""
        return self._in_order(self.test, batch_size, part)

    def validation_batches(self, batch_size: int, part: Part = WHOLE) -> Batches:
        """See `Data.validation_batches`."""
        return self._in_order(self.held_back, batch_size, part) if self.held_back else iter(())

    def _in_order(self, source: Source, batch_size: int, part: Part) -> Batches:
        transform, mode = self.preprocessing.for_test(), self.preprocessing.mode
        if source.indices is None:
            items = islice(_stream(source.opener(), transform, mode, ("test",)), source.count)
            yield from _collect(islice(items, part[0], None, part[1]), batch_size, last=True)
            return
        places = [(n, index) for n, index in enumerate(source.indices.tolist())]
        seeded = Seeded(source.dataset, transform, mode, ())
        yield from _load(seeded, _cut(places[part[0] :: part[1]], batch_size))


class Seeded(Dataset[tuple[Tensor, int]]):
    """A dataset whose items draw from generators of their own place in the epoch."""

    def __init__(
        self, dataset: Any, transform: Any, mode: str, purpose: tuple[object, ...]
    ) -> None:
        self.dataset, self.transform, self.mode, self.purpose = dataset, transform, mode, purpose
        # timm would put another image in the place of one that cannot be read
        dataset._max_retries = 1

    def __getitem__(self, place: Place) -> tuple[Tensor, int]:
        """The transformed image (C, H, W) at a place, and its label.

        Raises:
            ValueError: the image cannot be read; names its file.
        """
        position, index = place
        try:
            image, label = self.dataset[index]
        except (OSError, RuntimeError) as error:
            name = self.dataset.filename(index, absolute=True)
            raise ValueError(f"image {name} cannot be read ({error}); mend or remove it") from None
        return _transform(image.convert(self.mode), self.transform, *self.purpose, position), label


def _transform(image: Image, transform: Any, *purpose: object) -> Tensor:
    """Apply timm's transforms, which draw from three global generators, as the purpose says."""
    seed = generator("image", *purpose).initial_seed()
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.default_generator.manual_seed(seed)  # torch.manual_seed is slow without a GPU
        return transform(image)
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.set_rng_state(before[2])


def loader_workers() -> int:
    """Processes that load images: $SNNET_WORKERS, or one a core but one, at most eight."""
    return int(os.environ.get("SNNET_WORKERS", min(8, (os.cpu_count() or 1) - 1)))


def _load(dataset: Seeded, chosen: list[list[Place]]) -> Batches:
    yield from DataLoader(
        dataset,
        batch_sampler=chosen,
        num_workers=min(loader_workers(), len(chosen)),
        pin_memory=torch.cuda.is_available(),
    )


def _cut(places: list[Place], size: int) -> list[list[Place]]:
    return [places[start : start + size] for start in range(0, len(places), size)]


def _stream(
    dataset: Any, transform: Any, mode: str, purpose: tuple[object, ...]
) -> Iterator[tuple[Tensor, int]]:
    """Endless items of a streamed set, in the order that its reader draws from the purpose."""
    dataset.set_epoch(generator("order", *purpose).initial_seed() % 2**20)
    position = 0
    while True:
        for image, label in dataset:
            yield _transform(image.convert(mode), transform, *purpose, position), label
            position += 1


def _collect(items: Iterator[tuple[Tensor, int]], size: int, last: bool = False) -> Batches:
    """Batches of `size`; the incomplete one at the end only where `last`."""
    while held := list(islice(items, size)):
        if len(held) < size and not last:
            return
        yield torch.stack([image for image, _ in held]), torch.tensor([label for _, label in held])
