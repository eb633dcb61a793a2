"""Settings of one stitching run. Torch-free; ready-made sets of them are in `snnet.scales`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt, MinLen

Positive = Annotated[int, Ge(1)]
NotNegative = Annotated[float, Ge(0)]
Share = Annotated[float, Ge(0), Le(1)]

# Datasets held in memory; any other name is read by timm (see `snnet.data.memory`). The counts of
# their training images refuse impossible settings before anything is loaded.
IN_MEMORY = {"digits": 1077, "fashion": 54_000}


@dataclass(frozen=True)
class Augmentation:
    """Random changes of training images.

    In-memory datasets take the affine ones (each drawn uniformly from its range, +-), others the
    ones of `timm.data.create_transform`; both take mixup and cutmix.
    """

    degrees: NotNegative = 0.0
    scale: Annotated[float, Ge(0), Lt(1)] = 0.0  # share of the size
    shift: NotNegative = 0.0  # pixels
    rand_augment: str = ""  # timm's notation, such as rand-m9-mstd0.5-inc1
    random_erasing: Share = 0.0  # probability
    repeats: Positive = 1  # repeated augmentation: how often an epoch shows a chosen image
    mixup: NotNegative = 0.0  # alpha
    cutmix: NotNegative = 0.0  # alpha

    @property
    def affine(self) -> bool:
        """Whether images are rotated, scaled or shifted."""
        return (self.degrees, self.scale, self.shift) != (0, 0, 0)

    @property
    def of_timm(self) -> bool:
        """Whether it takes what only datasets read by timm offer."""
        return bool(self.rand_augment or self.random_erasing) or self.repeats > 1


@dataclass(frozen=True)
class Recipe:
    """How an anchor is trained from scratch (AdamW, cosine with linear warm-up)."""

    epochs: Positive = 40
    batch_size: Positive = 64
    learning_rate: Annotated[float, Gt(0)] = 2e-3
    weight_decay: NotNegative = 0.05
    warmup_epochs: Annotated[int, Ge(0)] = 4
    label_smoothing: Annotated[float, Ge(0), Lt(1)] = 0.1
    augmentation: Augmentation = Augmentation()
    seed: int = 0

    def __post_init__(self) -> None:
        _check_warmup(self.warmup_epochs, self.epochs)


def _check_warmup(warmup_epochs: int, epochs: int) -> None:
    if warmup_epochs >= epochs:
        raise ValueError(f"warmup_epochs ({warmup_epochs}) must be fewer than epochs ({epochs})")


@dataclass(frozen=True)
class AnchorSpec:
    """One network: a timm architecture with its options, and how it gets its weights.

    Attributes:
        options: for `timm.create_model`.
        weights: `recipe` (trained here, by `recipe`), `pretrained` (timm downloads them),
            `random`, or the path of a safetensors or pth file.
    """

    name: str
    architecture: str
    options: Mapping[str, Any] = field(default_factory=dict)
    weights: str = "recipe"
    recipe: Recipe = Recipe()


@dataclass(frozen=True)
class StitchingConfig:
    """Everything that decides the result of a stitching run. Each field can be an axis."""

    dataset: str = "digits"
    training_images: Positive | None = None  # only so many, drawn by the dataset's own seed
    test_images: Positive | None = None
    # so many training images are held back, to choose settings by; datasets in memory hold back
    # their own tenth
    validation_images: Positive | None = None
    anchors: Annotated[tuple[AnchorSpec, ...], MinLen(2)] = ()  # from fast to slow
    pretrained: bool = True  # else the anchors begin with random weights, drawn by `seed`

    init: Literal["least_squares", "kaiming"] = "least_squares"
    calibration_images: Positive = 100  # for least squares, paper section 4
    solve: Literal["mean", "joint"] = "mean"  # of a window's pairs, see `snnet.initialisation`
    direction: Literal["fast_to_slow", "slow_to_fast"] = "fast_to_slow"
    kernel: Positive = 2  # of the sliding window, in blocks
    stride: Positive = 1
    pairs: Literal["nearest", "all"] = "nearest"
    stages: Annotated[tuple[int, ...], MinLen(1)] | None = None  # that hold stitches; None: all
    only: str | None = None  # the name of one route, such as 0.3>1.4, that is trained alone
    epochs: Positive = 50
    # what `epochs` counts for: the run, or each stitch (then a space with twice as many stitches as
    # the nearest one trains twice as long)
    budget: Literal["run", "stitch"] = "run"
    sampling: Literal["random", "sandwich"] = "random"
    sandwich_random: Annotated[int, Ge(0)] = 1  # sub-networks beside the largest and the smallest
    subnetworks_per_step: Positive = 1  # draws a step; each trains on its share of the batch
    tuning: Literal["full", "stitching_layers"] = "full"

    batch_size: Positive = 64  # images a step, over all processes
    optimizer: Literal["adamw", "sgd"] = "adamw"  # sgd with momentum 0.9
    learning_rate: Annotated[float, Gt(0)] = 1e-4  # of the stitching layers
    anchor_learning_rate: NotNegative = 1.0  # of the anchors, as a multiple of learning_rate
    weight_decay: NotNegative = 0.05
    warmup_epochs: Annotated[int, Ge(0)] = 5
    gradient_clip: Annotated[float, Gt(0)] | None = None  # norm of all gradients together
    label_smoothing: Annotated[float, Ge(0), Le(0.99)] = 0.1
    drop_path: Annotated[float, Ge(0), Lt(1)] = 0.0
    augmentation: Augmentation = Augmentation()
    distillation: Literal["none", "hard", "soft"] = "none"
    distillation_alpha: Share = 0.5  # weight of the teacher against the labels
    distillation_temperature: Annotated[float, Gt(0)] = 1.0  # of soft distillation
    teacher: AnchorSpec | None = None
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"  # of automatic mixed precision
    seed: int = 0  # of the stitching run; the anchors keep their own

    def __post_init__(self) -> None:
        _check_warmup(self.warmup_epochs, self.epochs)
        images = self.training_images or IN_MEMORY.get(self.dataset)
        for name in ("batch_size", "calibration_images"):
            if images is not None and getattr(self, name) > images:
                raise ValueError(
                    f"{name} ({getattr(self, name)}) must be at most {images}, the training "
                    f"images of {self.dataset}"
                )
        if self.validation_images and self.dataset in IN_MEMORY:
            raise ValueError(f"{self.dataset} holds back its own; leave validation_images out")
        share, left = divmod(self.batch_size, self.subnetworks_per_step)
        if left:
            raise ValueError(
                f"batch_size ({self.batch_size}) must be a multiple of subnetworks_per_step "
                f"({self.subnetworks_per_step})"
            )
        mixes = self.augmentation.mixup or self.augmentation.cutmix
        if mixes and share % 2:
            raise ValueError(f"mixup and cutmix need an even number of images, not {share}")
        if self.only is not None and self.sampling == "sandwich":
            raise ValueError("one route alone has no sandwich; set sampling to random")
        if self.distillation != "none" and self.teacher is None:
            raise ValueError(f"distillation {self.distillation!r} needs a teacher")
        bare = self.sampling == "sandwich" and self.sandwich_random == 0  # anchors alone
        if self.tuning == "stitching_layers" and bare:
            raise ValueError(
                "tuning stitching layers alone, a sandwich without random sub-networks has "
                "nothing to train; set sandwich_random to 1 or more"
            )
        _check_augmentation(self.dataset, self.augmentation)


def _check_augmentation(dataset: str, augmentation: Augmentation) -> None:
    if dataset in IN_MEMORY and augmentation.of_timm:
        raise ValueError(
            f"{dataset} is held in memory and takes no rand_augment, random_erasing or repeats"
        )
    if dataset not in IN_MEMORY and augmentation.affine:
        raise ValueError(
            f"{dataset} is read by timm and takes no degrees, scale or shift: use rand_augment"
        )
