"""Small grey images strewn over larger ones: segmentation whose labels are exact."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from snnet.data.digits import load_digits
from snnet.data.fashion import CLASSES, load_fashion
from snnet.data.memory import InMemory
from snnet.data.sizes import CANVASES, IN_MEMORY
from snnet.seeding import generator
from snnet.tasks.segmentation import SEGMENTATION

LOADERS = {"digits": load_digits, "fashion": load_fashion}
FEWEST, MOST = 2, 4  # items on a canvas
NAMES = {"digits": tuple(map(str, range(10))), "fashion": CLASSES}
THRESHOLD = 0.2  # of white: what is brighter belongs to the item


@dataclass(frozen=True)
class Canvases(InMemory):
    """Images (N, 1, H, W), and maps of labels (N, H, W); 0 is the background."""

    task = SEGMENTATION


def load_canvases(dataset: str, seed: int) -> Canvases:
    """Canvases of a dataset's images; its own split says which train, test and are held back.

    Raises:
        MissingDataError: the images are not here.
    """
    items, sizes = LOADERS[CANVASES[dataset]](seed), IN_MEMORY[dataset]
    assert items.validation is not None
    pixels = sizes.image_shape[-1]
    train = compose(
        items.train_images, items.train_labels, sizes.train, pixels, dataset, "train", seed
    )
    held = compose(*items.validation, sizes.held_back, pixels, dataset, "held back", seed)
    drawn = 0 if sizes.official else seed  # all seeds are tested alike where the items are
    test = compose(items.test_images, items.test_labels, sizes.test, pixels, dataset, "test", drawn)
    values = train[0].float()
    return Canvases(
        *train,
        *test,
        drawn * sizes.test + torch.arange(sizes.test),
        classes=sizes.classes,
        mean=values.mean().item(),
        deviation=values.std().item(),
        validation=held,
    )


def compose(
    images: Tensor, labels: Tensor, count: int, pixels: int, *purpose: object
) -> tuple[Tensor, Tensor]:
    """Canvases (count, 1, pixels, pixels) of 2 to 4 images each, and labels as bytes.

    A pixel where an item is bright has the item's label, counted from 1, and what comes later
    covers what came before; all else is background, 0. Items come in an order without
    repetition, and once more in another where there are too few.

    Arguments:
        images: (N, 1, h, w).
        purpose: seeds all draws.
    """
    draws = generator("canvas", *purpose)
    numbers = torch.randint(FEWEST, MOST + 1, (count,), generator=draws)
    rounds = -(-int(numbers.sum()) // len(images))
    order = torch.cat([torch.randperm(len(images), generator=draws) for _ in range(rounds)])
    canvas = images.new_zeros(count, pixels, pixels)
    maps = torch.zeros(count, pixels, pixels, dtype=torch.uint8)
    height, width = images.shape[2:]
    white = 255.0 if images.dtype == torch.uint8 else 1.0
    used = 0
    for layer in range(MOST):
        of = (numbers > layer).nonzero()  # canvases that get one more
        chosen, used = order[used : used + len(of)], used + len(of)
        top = torch.randint(pixels - height + 1, (len(of), 1), generator=draws)
        left = torch.randint(pixels - width + 1, (len(of), 1), generator=draws)
        rows = (top + torch.arange(height))[:, :, None]
        columns = (left + torch.arange(width))[:, None]
        where = of[:, :, None], rows, columns
        items = images[chosen, 0]
        bright = items > THRESHOLD * white
        canvas[where] = torch.where(bright, items, canvas[where])
        named = (labels[chosen] + 1).to(torch.uint8)[:, None, None]
        maps[where] = torch.where(bright, named, maps[where])
    return canvas[:, None], maps
