"""Kinds of datasets by name, and sizes of those in memory. Torch-free: checked before a run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Numbers of images, their shape, and the number of classes.

    Attributes:
        held_back: of the training images, to choose settings by; they are not among `train`.
        image_shape: (channels, height, width).
        official: whether the dataset says which images test; else a seed draws them.
    """

    train: int
    held_back: int
    test: int
    image_shape: tuple[int, int, int]
    classes: int
    official: bool = True


# any other dataset is read by timm
IN_MEMORY = {
    "digits": Sizes(
        train=719, held_back=270, test=808, image_shape=(1, 8, 8), classes=10, official=False
    ),
    "fashion": Sizes(
        train=54_000, held_back=6_000, test=10_000, image_shape=(1, 28, 28), classes=10
    ),
    # several of their images on a larger one; the background is a class, too
    "canvas": Sizes(train=6_000, held_back=1_000, test=2_000, image_shape=(1, 56, 56), classes=11),
    "canvas-digits": Sizes(
        train=500, held_back=150, test=400, image_shape=(1, 24, 24), classes=11, official=False
    ),
}
CANVASES = {"canvas": "fashion", "canvas-digits": "digits"}  # and what lies on them
SEGMENTATION, DEPTH = "segmentation/", "depth/"  # before the names of a user's folders of maps

TEXT = "text/"  # before the names of datasets of texts
# those that come with a split drawn here, by the files that hold them
RATED = {
    f"{TEXT}films": "movieReviewSnippets",
    f"{TEXT}amazon": "amazonReviewSnippets",
    f"{TEXT}editorials": "nytEditorialSnippets",
    f"{TEXT}tweets": "tweets",
}


def is_text(dataset: str) -> bool:
    """Whether a dataset holds texts."""
    return dataset.startswith(TEXT)


def is_map_folder(dataset: str) -> bool:
    """Whether a dataset is a user's folder of images with a map for each."""
    return dataset.startswith((SEGMENTATION, DEPTH))


def has_maps(dataset: str) -> bool:
    """Whether each position of an image has a target of its own."""
    return dataset in CANVASES or is_map_folder(dataset)


def holds_back(dataset: str) -> bool:
    """Whether a dataset holds examples of its own back, to choose settings by."""
    return dataset in IN_MEMORY or dataset in RATED
