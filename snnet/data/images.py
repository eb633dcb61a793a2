"""Datasets that timm reads: image folders, torchvision's, Hugging Face's, WebDataset, TFDS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any

import torch
from PIL import Image
from timm.data import create_dataset
from timm.data.distributed_sampler import RepeatAugSampler
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset

from snnet.data.dataset import CALIBRATION_BATCH, WHOLE, Batches, Data, Part
from snnet.data.folder import Listing, list_dataset, remarks
from snnet.data.loader import Seeded, collect, cut, load, stream
from snnet.data.locations import DATA_VARIABLE, data_root, is_folder
from snnet.data.preprocessing import Preprocessing
from snnet.errors import MissingDataError, first_line
from snnet.recipe import Augmentation
from snnet.seeding import generator


def load_images(
    dataset: str,
    preprocessing: Preprocessing,
    train: int | None,
    test: int | None,
    validation: int | None = None,
    seed: int = 0,
    decode: Callable[[Pictures, Preprocessing], Any] | None = None,
) -> TimmData:
    """Open a dataset: the name of an image folder, or with one of timm's prefixes (torch/cifar10).

    Arguments:
        train, test: only so many images, drawn by `seed`.
        validation: so many of the training set are held back, drawn by `seed`.
        decode: takes images of a folder that are not decoded yet, and gives others for them.

    Raises:
        MissingDataError: it is not there, or cannot be read.
        ValueError: its training and test set hold different classes, or no image is left to train.
    """
    openers = _openers(dataset, preprocessing, train, test, decode)
    sets = [opener() for opener in openers]
    known, tested = (_classes(opened) for opened in sets)
    if known and tested and known != tested:
        raise ValueError(f"dataset {dataset}: training and test set have different classes")
    training = Source.of(sets[0], openers[0], "train", None if validation else train, seed)
    held_back = None
    if validation:
        training, held_back = training.hold_back(validation, train, seed)
    return TimmData(
        training,
        Source.of(sets[1], openers[1], "test", test, seed),
        len(known) if known else None,
        preprocessing,
        held_back,
        tuple(remarks(dataset)) if is_folder(dataset) else (),
    )


def _openers(
    dataset: str,
    preprocessing: Preprocessing,
    train: int | None,
    test: int | None,
    decode: Callable[[Pictures, Preprocessing], Any] | None,
) -> list[Callable[[], Any]]:
    """What opens the training set, and the test set."""
    if is_folder(dataset):
        make = decode or (lambda pictures, _: pictures)
        return [partial(make, Pictures(one), preprocessing) for one in list_dataset(dataset)]
    return [
        partial(_open, dataset, split, preprocessing, count)
        for split, count in (("train", train), ("validation", test))
    ]


class Pictures(Dataset[tuple[Image.Image, int]]):
    """The images of a folder, not yet decoded, and their labels."""

    def __init__(self, listing: Listing) -> None:
        self.listing, self.class_to_idx = listing, listing.classes

    def __len__(self) -> int:
        return len(self.listing.files)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        return Image.open(self.listing.files[index]), self.listing.labels[index]

    def filename(self, index: int, absolute: bool = True) -> str:
        """The path of an image."""
        return self.listing.files[index]


def _open(dataset: str, split: str, preprocessing: Preprocessing, count: int | None) -> Any:
    prefix = dataset.partition("/")[0]
    # sets that are read by index are brought into the mode by `snnet.data.decoding`
    mode = None if prefix in ("torch", "hfds") else preprocessing.mode
    options: dict[str, Any] = {"input_img_mode": mode}
    root, name = data_root(), dataset
    if prefix in ("torch", "tfds", "hfids"):
        options["download"] = True
    if prefix in ("wds", "hfids", "tfds"):
        options |= {"is_training": split == "train", "num_samples": count}
    if prefix == "wds":
        root, name = root / dataset.partition("/")[2], "wds/"
    try:
        return create_dataset(name, root=str(root), split=split, search_split=False, **options)
    except Exception as error:  # whatever the many readers raise
        raise MissingDataError(
            f"dataset {dataset} ({split}) cannot be read from {root}: {first_line(error)}; set "
            f"{DATA_VARIABLE} to the directory that holds it, and install what its reader needs"
        ) from None


def _classes(dataset: Any) -> dict[str, int] | None:
    """Labels of classes by name, where the dataset knows them."""
    reader = getattr(dataset, "reader", dataset)
    found = getattr(reader, "class_to_idx", None) or getattr(dataset, "class_to_idx", None)
    return dict(found) if found else None


@dataclass(frozen=True)
class Source:
    """One set: a dataset, and which of its images are used (None: it can only be streamed)."""

    dataset: Any
    opener: Callable[[], Any]  # opens it anew: a reader goes on where an earlier stream stopped
    indices: Tensor | None
    count: int

    @classmethod
    def of(
        cls, dataset: Any, opener: Callable[[], Any], kind: str, count: int | None, seed: int
    ) -> Source:
        """Take `count` images of a dataset, drawn by `seed`, or all."""
        length = len(dataset)
        if isinstance(dataset, IterableDataset):
            if not length:
                raise ValueError(
                    "a streamed dataset does not tell its length; set training_images and "
                    "test_images"
                )
            return cls(dataset, opener, None, count or length)
        order = torch.randperm(length, generator=generator("subset", kind, seed))[:count]
        indices = torch.arange(length) if count is None else order.sort().values
        return cls(dataset, opener, indices, len(indices))

    def hold_back(self, count: int, left: int | None, seed: int) -> tuple[Source, Source]:
        """The training images (at most `left`), and `count` others to choose settings by.

        Raises:
            ValueError: the set can only be streamed, or has no more images than `count`.
        """
        if self.indices is None or count >= self.count:
            reason = "the set can only be streamed" if self.indices is None else f"of {self.count}"
            raise ValueError(
                f"validation_images is {count}, and cannot be held back: {reason}; lower it or "
                "leave it out"
            )
        order = torch.randperm(self.count, generator=generator("subset", "validation", seed))
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
    remarks: tuple[str, ...] = ()

    @property
    def train_count(self) -> int:
        """Number of training images."""
        return self.train.count

    @property
    def test_count(self) -> int:
        """Number of test images."""
        return self.test.count

    @property
    def test_ids(self) -> Tensor:
        """Numbers of the test images, see `Data.test_ids`; of a streamed set as they come."""
        indices = self.test.indices
        return torch.arange(self.test_count) if indices is None else indices

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(channels, height, width)."""
        return self.preprocessing.image_shape

    @property
    def preparation(self) -> str:
        """What decides how images look, see `Data.preparation`."""
        return repr(self.preprocessing)

    def batches(
        self,
        batch_size: int,
        augmentation: Augmentation,
        *purpose: object,
        start: int = 0,
        part: Part = WHOLE,
    ) -> Batches:
        """One epoch, see `Data.batches`; a streamed set is cut as its reader does it."""
        first, parts = part
        steps = self.steps(batch_size)
        transform = self.preprocessing.for_training(augmentation)
        if self.train.indices is None:
            items = stream(self.train.opener(), transform, self.preprocessing.mode, purpose)
            yield from islice(collect(items, batch_size // parts), start, steps)
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
        yield from load(seeded, chosen)

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

    def calibration_batches(self, count: int, seed: int) -> Batches:
        """Training images for least squares, see `Data.calibration`, and their labels.

        A streamed set gives the first images of the seed's order.
        """
        self.check_calibration(count)
        transform, mode = self.preprocessing.for_test(), self.preprocessing.mode
        if self.train.indices is None:
            items = stream(self.train.opener(), transform, mode, ("calibration", seed))
            yield from collect(islice(items, count), CALIBRATION_BATCH, last=True)
            return
        order = torch.randperm(self.train_count, generator=generator("calibration", seed))
        chosen = [(n, int(self.train.indices[n])) for n in order[:count]]
        seeded = Seeded(self.train.dataset, transform, mode, ())
        yield from load(seeded, cut(chosen, CALIBRATION_BATCH))

    def test_batches(self, batch_size: int, part: Part = WHOLE) -> Batches:
        """The test set in order, see `Data.test_batches`."""
        return self._in_order(self.test, batch_size, part)

    def validation_batches(self, batch_size: int, part: Part = WHOLE) -> Batches:
        """The images held back, see `Data.validation_batches`."""
        return self._in_order(self.held_back, batch_size, part) if self.held_back else iter(())

    def _in_order(self, source: Source, batch_size: int, part: Part) -> Batches:
        transform, mode = self.preprocessing.for_test(), self.preprocessing.mode
        if source.indices is None:
            items = islice(stream(source.opener(), transform, mode, ("test",)), source.count)
            yield from collect(islice(items, part[0], None, part[1]), batch_size, last=True)
            return
        chosen = list(enumerate(source.indices.tolist()))
        seeded = Seeded(source.dataset, transform, mode, ())
        yield from load(seeded, cut(chosen[part[0] :: part[1]], batch_size))
