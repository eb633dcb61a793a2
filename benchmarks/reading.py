"""Evaluation over an image folder: read and decoded once for all stitches, or once for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from benchmarks.measure import Result, Say, relative_difference, side_by_side, timed
from benchmarks.subjects import small_anchors, small_shape, structured_images
from snnet.data.dataset import Batches
from snnet.data.images import load_images
from snnet.data.preprocessing import Preprocessing
from snnet.evaluation import evaluate
from snnet.network import StitchedNetwork, stitch

PIXELS = (375, 500)  # the median image of ImageNet
BATCH = 64
TOLERANCE = 1e-3  # of mean losses
CLASSES = 10


def run(quick: bool, say: Say) -> Iterator[Result]:
    """Networks of scale `fashion`, whose passes take as little beside reading as on a GPU."""
    count, repeats = (20, 3) if quick else (256, 1)
    shape = small_shape("fashion")
    network = stitch(small_anchors("fashion"), shape).eval()
    if quick:
        network = network.restricted(route.name for route in network.space.routes[:5])
    routes = len(network.space.routes)
    with TemporaryDirectory() as folder:
        say(f"{count} photographs are drawn")
        _draw(Path(folder), count)
        preprocessing = Preprocessing(shape, (0.5,), (0.5,), "bicubic", 0.9)
        data = load_images(folder, preprocessing, None, None)
        case = f"{count} JPEGs of {PIXELS[1]}x{PIXELS[0]}, {routes} stitches"
        say(case)

        def ours() -> Tensor:
            scores = evaluate(network, data.test_batches(BATCH))
            return torch.tensor([one["loss"] for one in scores])

        plain_timing, our_timing, plain, swept = side_by_side(
            lambda: _one_by_one(network, lambda: data.test_batches(BATCH)),
            ours,
            repeats,
            warm=False,
        )
        once, _ = timed(lambda: sum(len(labels) for _, labels in data.test_batches(BATCH)))
        difference = relative_difference([swept], [plain])
        yield Result(
            "reading", case, plain_timing, our_timing, difference, TOLERANCE,
            bounds={"reading": plain_timing.median / once},
            seconds={"reading them once": once},
        )  # fmt: skip


@torch.no_grad()
def _one_by_one(network: StitchedNetwork, batches: Callable[[], Batches]) -> Tensor:
    """Mean losses of all stitches; the authors' evaluation reads the set for each of them."""
    losses = []
    for number in range(len(network.space.routes)):
        total, seen = 0.0, 0
        for images, labels in batches():
            logits = network(images, number)
            total += functional.cross_entropy(logits, labels, reduction="sum").item()
            seen += len(labels)
        losses.append(total / seen)
    return torch.tensor(losses)


def _draw(folder: Path, count: int) -> None:
    """An image folder of soft shapes: some to train, `count` to test."""
    images = structured_images(count, (3, *PIXELS)).mul(40).add(128).clamp(0, 255).byte()
    for number, image in enumerate(images.permute(0, 2, 3, 1).numpy()):
        for split in ("train", "val") if number < CLASSES else ("val",):
            place = folder / split / f"class{number % CLASSES}"
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(place / f"{number:05}.jpg", quality=90)
