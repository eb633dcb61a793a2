"""An epoch over an image folder: images decoded once against timm's own loader."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from PIL import Image
from timm.data import create_dataset, create_loader

from ablations.machine import count_cpus
from benchmarks.measure import Result, Say, relative_difference, side_by_side, timed
from benchmarks.subjects import structured_images
from snnet.data.decoded import decode
from snnet.data.images import TimmData, load_images
from snnet.data.locations import DATA_VARIABLE
from snnet.data.preprocessing import Preprocessing
from snnet.recipe import Augmentation

TARGET = 1.5
BATCH = 32
QUALITY = 90  # of the JPEG files
PURPOSES = {
    "crop and flip": Augmentation(),
    "the paper's recipe": Augmentation(rand_augment="rand-m9-mstd0.5-inc1", random_erasing=0.25),
}


def run(quick: bool, say: Say) -> Iterator[Result]:
    """JPEG files as large as ImageNet's usually are, as many processes as there are CPUs."""
    pixels, size, count = (32, (60, 80), 64) if quick else (224, (375, 500), 768)
    preprocessing = Preprocessing((3, pixels, pixels), (0.5,) * 3, (0.5,) * 3, "bicubic", 0.875)
    with TemporaryDirectory() as folder, _surroundings(folder):
        say(f"{count} files")
        _make_folder(Path(folder) / "shapes", count, size)
        taken, data = timed(partial(_decoded, preprocessing, Path(folder) / "cache", say))
        plain_tests = _timm(Path(folder), "val", preprocessing, None)
        ours = (images for images, _ in data.test_batches(BATCH))
        difference = relative_difference(ours, (images for images, _ in plain_tests))
        for case, augmentation in PURPOSES.items():
            say(case)
            loader = _timm(Path(folder), "train", preprocessing, augmentation)
            plain, fast, _, _ = side_by_side(
                partial(_count, partial(iter, loader)),
                partial(_count, partial(data.batches, BATCH, augmentation, 0)),
                3 if quick else 7,
            )
            yield Result(
                "decoded_images",
                f"{count} files of {size[1]}x{size[0]}, {case}",
                plain,
                fast,
                difference,
                0.0,
                None if quick else TARGET,
                seconds={"decoding once": taken},
            )


def _count(epoch: Callable[[], Iterator[Any]]) -> int:
    """Images of an epoch, all of which are made."""
    return sum(len(labels) for _, labels in epoch())


@contextmanager
def _surroundings(folder: str) -> Iterator[None]:
    """Datasets are in a folder, and each CPU has a process that loads, as timm's loader has."""
    chosen = {DATA_VARIABLE: folder, "SNNET_WORKERS": str(count_cpus())}
    before = {name: os.environ.get(name) for name in chosen}
    os.environ.update(chosen)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _make_folder(folder: Path, count: int, size: tuple[int, int]) -> None:
    """Soft shapes with some noise, which compress about as photographs do."""
    for split, number in (("train", count), ("val", BATCH)):
        images = structured_images(16, (3, *size)) * 40 + 128
        for n in range(number):
            place = folder / split / "ab"[n % 2]
            place.mkdir(parents=True, exist_ok=True)
            turned = images[n % 16].roll(n, 2).clamp(0, 255).to(torch.uint8)
            picture = Image.fromarray(turned.permute(1, 2, 0).contiguous().numpy())
            picture.save(place / f"{n:04}.jpg", quality=QUALITY)


def _decoded(preprocessing: Preprocessing, cache: Path, say: Say) -> TimmData:
    opening = partial(decode, cache=cache, say=say)
    return load_images("shapes", preprocessing, None, None, decode=opening)


def _timm(
    folder: Path, split: str, preprocessing: Preprocessing, augmentation: Augmentation | None
) -> Any:
    """timm's loader of a split; without augmentation its test images in order."""
    dataset = create_dataset("", root=str(folder / "shapes"), split=split, search_split=True)
    recipe: dict[str, Any] = {}
    if augmentation:
        recipe = {
            "auto_augment": augmentation.rand_augment or None,
            "re_prob": augmentation.random_erasing,
            "re_mode": "pixel",
        }
    return create_loader(
        dataset,
        input_size=preprocessing.image_shape,
        batch_size=BATCH,
        is_training=augmentation is not None,
        use_prefetcher=False,
        interpolation=preprocessing.interpolation,
        mean=preprocessing.mean,
        std=preprocessing.deviation,
        crop_pct=preprocessing.crop,
        num_workers=count_cpus(),
        persistent_workers=False,
        **recipe,
    )
