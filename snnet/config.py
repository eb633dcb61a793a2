"""Settings of one stitching run, and the scales that name ready-made sets of them. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt, MinLen

Positive = Annotated[int, Ge(1)]
NotNegative = Annotated[float, Ge(0)]

TRAINING_IMAGES = {"digits": 1077}  # to refuse impossible settings before anything is loaded


@dataclass(frozen=True)
class Augmentation:
    """Random affine changes of a training image: each drawn uniformly from its range, +-."""

    degrees: NotNegative = 0.0
    scale: Annotated[float, Ge(0), Lt(1)] = 0.0  # share of the size
    shift: NotNegative = 0.0  # pixels


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
    """One anchor: a timm architecture with its options, and how it gets its weights."""

    name: str
    architecture: str
    options: Mapping[str, Any] = field(default_factory=dict)  # for timm.create_model
    recipe: Recipe = Recipe()


@dataclass(frozen=True)
class StitchingConfig:
    """Everything that decides the result of a stitching run. Each field can be an axis."""

    dataset: Literal["digits"] = "digits"
    anchors: Annotated[tuple[AnchorSpec, ...], MinLen(2)] = ()  # from fast to slow

    init: Literal["least_squares", "kaiming"] = "least_squares"
    calibration_images: Positive = 100  # for least squares, paper section 4
    direction: Literal["fast_to_slow", "slow_to_fast"] = "fast_to_slow"
    kernel: Positive = 2  # of the sliding window, in blocks
    stride: Positive = 1
    pairs: Literal["nearest", "all"] = "nearest"
    epochs: Positive = 50
    sampling: Literal["random", "sandwich"] = "random"
    sandwich_random: Annotated[int, Ge(0)] = 1  # sub-networks beside the largest and the smallest
    tuning: Literal["full", "stitching_layers"] = "full"

    batch_size: Positive = 64
    learning_rate: Annotated[float, Gt(0)] = 1e-4
    weight_decay: NotNegative = 0.05
    warmup_epochs: Annotated[int, Ge(0)] = 5
    label_smoothing: Annotated[float, Ge(0), Le(0.99)] = 0.1
    augmentation: Augmentation = Augmentation()
    seed: int = 0  # of the stitching run; the anchors keep their own

    def __post_init__(self) -> None:
        _check_warmup(self.warmup_epochs, self.epochs)
        images = TRAINING_IMAGES[self.dataset]
        for name in ("batch_size", "calibration_images"):
            if getattr(self, name) > images:
                raise ValueError(
                    f"{name} ({getattr(self, name)}) must be at most {images}, the training "
                    f"images of {self.dataset}"
                )
        depths = [anchor.options.get("depth", 12) for anchor in self.anchors]
        if len(set(depths)) > 1:
            raise ValueError(f"anchors must have equal depth, not {depths}")


_DIGITS_AUGMENTATION = {"degrees": 10.0, "scale": 0.1, "shift": 0.5}


def _digits_anchor(width: int, epochs: int) -> dict[str, Any]:
    """A ViT for 8x8 images: 4x4 patches of 2x2 px, 6 blocks, attention heads of 16 channels."""
    return {
        "name": f"vit-{width}",
        "architecture": "vit_tiny_patch16_224",
        "options": {
            "img_size": 8,
            "patch_size": 2,
            "in_chans": 1,
            "num_classes": 10,
            "depth": 6,
            "embed_dim": width,
            "num_heads": width // 16,
        },
        "recipe": {"epochs": epochs, "augmentation": _DIGITS_AUGMENTATION},
    }


# Settings that a scale lays over the defaults above; a study's baseline lies over these.
SCALES: dict[str, dict[str, Any]] = {
    "digits": {
        "dataset": "digits",
        "anchors": [_digits_anchor(16, 50), _digits_anchor(32, 60), _digits_anchor(64, 45)],
        "learning_rate": 1e-3,
        "warmup_epochs": 2,
        "augmentation": _DIGITS_AUGMENTATION,
    },
}
