"""Settings of one stitching run. Torch-free; ready-made sets of them are in `snnet.scales`."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt, MinLen

from snnet.anchor_spec import AnchorSpec
from snnet.data.locations import is_folder
from snnet.data.sizes import IN_MEMORY, has_maps, holds_back, is_text
from snnet.pieces import PIECES
from snnet.ranges import Count, NotNegative, Positive, Share
from snnet.recipe import Augmentation, check_warmup

MOST_RANK = 65_536
MOST_TOKENS = 100_000  # of a text
MOST_KEPT = 65_536  # classes of a teacher's answer


@dataclass(frozen=True)
class StitchingConfig:
    """Everything that decides the result of a stitching run. Each field can be an axis."""

    dataset: str = "digits"  # in memory (see `snnet.data.sizes`), or read by timm
    training_images: Positive | None = None  # only so many, drawn by `split_seed`
    test_images: Positive | None = None
    # so many training images are held back, to choose settings by; datasets in memory hold back
    # their own
    validation_images: Positive | None = None
    # height and width to which images in memory are scaled; None: they stay as they are
    pixels: Annotated[int, Ge(1), Le(4096)] | None = None
    tokens: Annotated[int, Ge(3), Le(MOST_TOKENS)] = 64  # of a text; longer ones are cut off
    # whether images of a folder are decoded once for all runs, at the size of which tests cut their
    # part out, see `snnet.data.decoded`; training then crops these
    decoded: bool = False
    # an epoch shows so many of the training images, others each time; None: all
    images_per_epoch: Positive | None = None
    anchors: Annotated[tuple[AnchorSpec, ...], MinLen(2)] = ()  # from fast to slow
    pretrained: bool = True  # else the anchors begin with random weights
    fine_tuned: bool = True  # else with what their recipes would begin with, such as ImageNet's

    init: Literal["least_squares", "kaiming"] = "least_squares"
    calibration_images: Positive = 100  # for least squares, paper section 4
    solve: Literal["mean", "joint"] = "mean"  # of a window's pairs, see `snnet.initialisation`
    # of the products that least squares adds up; measured: single where residuals stay equal
    solve_precision: Literal["double", "measured"] = "double"
    direction: Literal["fast_to_slow", "slow_to_fast", "both"] = "fast_to_slow"
    returns: Count = 0  # how often a route of both directions may turn: 0>1>0 turns once
    # which blocks are joined, see `snnet.positions`; `snnet.pieces.POSITIONS`
    positions: str = "windows"
    kernel: Positive = 2  # of the sliding window, in blocks
    stride: Positive = 1
    pairs: Literal["nearest", "all"] = "nearest"
    # the stitching layers, see `snnet.layers`
    layer: str = "linear"  # `snnet.pieces.LAYERS`
    layer_rank: Annotated[int, Ge(2), Le(MOST_RANK)] = 16  # of low rank; inside a bottleneck
    layer_alpha: Annotated[float, Gt(0)] = 1.0  # low-rank updates are scaled by it over their rank
    stages: Annotated[tuple[Count, ...], MinLen(1)] | None = None  # that hold stitches; None: all
    only: str | None = None  # the name of one route, such as 0.3>1.4, that is trained alone
    # which stitches are kept beside the anchors, see `snnet.selection`; `snnet.pieces.SELECTORS`
    selection: str = "all"
    kept: Positive | None = None  # how many; None: as many as windows would offer
    epochs: Positive = 50
    # what `epochs` counts for: the run, or each stitch. A space with twice as many stitches as the
    # nearest one of its windows (`stitch`), or as the paper's (`visits`), then trains twice as long
    budget: Literal["run", "stitch", "visits"] = "run"
    # which sub-networks a step trains, see `snnet.sampling`; `snnet.pieces.SAMPLERS`
    sampling: str = "random"
    cost_gap: Annotated[float, Gt(0)] = 1e9  # MACs between the cheapest and the others of a group
    sandwich_random: Count = 1  # sub-networks beside the largest and the smallest
    subnetworks_per_step: Positive = 1  # draws a step; each trains on its share of the batch
    # features that stitching layers learn to match, in a first phase that takes this share of the
    # epochs, see `snnet.matching`; `snnet.pieces.MATCHING`
    matching: str = "none"
    matching_share: Annotated[float, Gt(0), Lt(1)] = 0.3
    # what is trained: all, or the stitching layers alone or with some of the anchors
    tuning: Literal["full", "stitching_layers", "norms", "biases", "low_rank"] = "full"
    tuning_rank: Annotated[int, Ge(1), Le(MOST_RANK)] = 8  # of low-rank updates of the anchors
    tuning_alpha: Annotated[float, Gt(0)] = 8.0  # which are scaled by it over their rank
    # whether sub-networks that need no joint training are scored, too, see `snnet.rivals`
    rivals: bool = False

    batch_size: Positive = 64  # images a step, over all processes
    optimizer: Literal["adamw", "sgd"] = "adamw"  # sgd with momentum 0.9
    learning_rate: Annotated[float, Gt(0)] = 1e-4  # of the stitching layers
    anchor_learning_rate: NotNegative = 1.0  # of the anchors, as a multiple of learning_rate
    weight_decay: NotNegative = 0.05
    warmup_epochs: Count = 5
    gradient_clip: Annotated[float, Gt(0)] | None = None
    # norm of all gradients together, or adaptive: of each unit's, in norms of its weights
    gradient_clip_by: Literal["norm", "agc"] = "norm"
    label_smoothing: Annotated[float, Ge(0), Le(0.99)] = 0.1
    drop_path: Annotated[float, Ge(0), Lt(1)] = 0.0
    augmentation: Augmentation = Augmentation()
    distillation: Literal["none", "hard", "soft"] = "none"
    distillation_alpha: Share = 0.5  # weight of the teacher against the labels
    distillation_temperature: Annotated[float, Gt(0)] = 1.0  # of soft distillation
    teacher: AnchorSpec | None = None
    # asked in every step; or kept on disk for all runs that see the same images, and asked only of
    # images that none has seen, see `snnet.teacher_answers`
    teacher_answers: Literal["asked", "kept"] = "asked"
    teacher_top: Annotated[int, Ge(1), Le(MOST_KEPT)] = 16  # classes that are kept of a soft answer
    # bf16 and fp16 by automatic mixed precision; tf32: matrix products of a GPU, in ten bits
    precision: Literal["fp32", "tf32", "bf16", "fp16"] = "fp32"
    # how steps are made faster; bits may differ
    compile: Literal["none", "blocks"] = "none"  # see `snnet.compiled`
    channels_last: bool = False  # images, and what convolutions make of them, in memory
    cuda_graphs: bool = False  # blocks of a GPU as one launch each, see `snnet.captured`
    # a replicate: all that somebody else would draw, unless one of the next two fixes it
    seed: int = 0
    anchor_seed: Count | None = None  # of the anchors' own training; None: `seed`
    # which images train, test and are held back, where the dataset does not say; None: `seed`
    split_seed: Count | None = None

    def __post_init__(self) -> None:
        for check in _CHECKS:
            check(self)

    @property
    def seed_of_anchors(self) -> int:
        """What draws the anchors that are trained here."""
        return self.seed if self.anchor_seed is None else self.anchor_seed

    @property
    def seed_of_split(self) -> int:
        """What draws the split of the images."""
        return self.seed if self.split_seed is None else self.split_seed

    @property
    def examples_per_epoch(self) -> int | None:
        """So many train in an epoch; None where only the dataset itself tells."""
        known = IN_MEMORY.get(self.dataset)
        given = self.images_per_epoch or self.training_images
        return given or (known.train if known else None)


def _check_warmup(config: StitchingConfig) -> None:
    check_warmup(config.warmup_epochs, config.epochs)


def _check_pieces(config: StitchingConfig) -> None:
    for setting, pieces in PIECES.items():
        pieces.check(getattr(config, setting))


def _check_image_count(config: StitchingConfig) -> None:
    known = IN_MEMORY.get(config.dataset)
    if known:
        for name, most in (("training_images", known.train), ("test_images", known.test)):
            if (getattr(config, name) or 0) > most:
                raise ValueError(
                    f"{name} ({getattr(config, name)}) must be at most {most}, all that "
                    f"{config.dataset} has"
                )
    images = config.training_images or (known.train if known else None)
    for name in ("batch_size", "calibration_images"):
        if images is not None and getattr(config, name) > images:
            raise ValueError(
                f"{name} ({getattr(config, name)}) must be at most {images}, the training "
                f"images of {config.dataset}"
            )


def _check_stages(config: StitchingConfig) -> None:
    if config.stages and len(set(config.stages)) < len(config.stages):
        raise ValueError(f"stages {list(config.stages)} names a stage twice")


def _check_validation_images(config: StitchingConfig) -> None:
    if config.validation_images and holds_back(config.dataset):
        raise ValueError(f"{config.dataset} holds back its own; leave validation_images out")


def _check_slices(config: StitchingConfig) -> None:
    if config.batch_size % config.subnetworks_per_step:
        raise ValueError(
            f"batch_size ({config.batch_size}) must be a multiple of subnetworks_per_step "
            f"({config.subnetworks_per_step})"
        )


def _check_mixing(config: StitchingConfig) -> None:
    share = config.batch_size // config.subnetworks_per_step
    if (config.augmentation.mixup or config.augmentation.cutmix) and share % 2:
        raise ValueError(f"mixup and cutmix need an even number of images, not {share}")


def _check_single_route(config: StitchingConfig) -> None:
    if config.only is not None and config.sampling == "sandwich":
        raise ValueError("one route alone has no sandwich; set sampling to random")


def _check_selection(config: StitchingConfig) -> None:
    if config.selection == "all" and config.kept is not None:
        raise ValueError("selection all keeps every stitch; leave kept out, or choose another")
    if config.selection != "all" and config.only is not None:
        raise ValueError("one route alone leaves nothing to select; set selection to all")
    if config.layer == "identity" and "importance" in (config.selection, config.sampling):
        raise ValueError("layer identity has no weights to tell importance by; choose another rule")


def _check_teacher(config: StitchingConfig) -> None:
    if config.distillation != "none" and config.teacher is None:
        raise ValueError(f"distillation {config.distillation!r} needs a teacher")
    if config.teacher_answers == "kept" and has_maps(config.dataset):
        raise ValueError(
            f"dataset {config.dataset} holds maps, of which no answers are kept; set "
            "teacher_answers to asked"
        )


def _check_trainable(config: StitchingConfig) -> None:
    if config.tuning == "stitching_layers" and config.layer == "identity":
        raise ValueError("layer identity has nothing to train; set tuning to full")
    anchors_alone = config.sampling == "sandwich" and config.sandwich_random == 0
    if config.tuning == "stitching_layers" and anchors_alone:
        raise ValueError(
            "tuning stitching layers alone, a sandwich without random sub-networks has "
            "nothing to train; set sandwich_random to 1 or more"
        )


def _check_matching(config: StitchingConfig) -> None:
    if config.matching == "none":
        return
    if config.epochs < 2:
        raise ValueError(
            f"epochs ({config.epochs}) must be at least 2 where there is matching: one matches "
            "features, another has the task loss"
        )
    if config.layer == "identity":
        raise ValueError("layer identity has nothing to match; set matching to none")
    if config.only is not None and ">" not in config.only:
        raise ValueError(
            f"route {config.only} has no stitching layer to match; set matching to none"
        )
    if config.sampling == "sandwich" and config.sandwich_random == 0:
        raise ValueError(
            "of a sandwich only the random sub-networks match features; set sandwich_random to 1 "
            "or more"
        )


def _check_sizes(config: StitchingConfig) -> None:
    if config.pixels is not None and config.dataset not in IN_MEMORY:
        raise ValueError(
            f"pixels scales images in memory ({', '.join(IN_MEMORY)}), not {config.dataset}; of "
            "others the anchors' options tell the size"
        )
    per_epoch = config.images_per_epoch
    if per_epoch is not None and per_epoch < config.batch_size:
        raise ValueError(
            f"images_per_epoch ({per_epoch}) must be at least batch_size ({config.batch_size})"
        )


def _check_decoded(config: StitchingConfig) -> None:
    if config.decoded and not is_folder(config.dataset):
        raise ValueError(
            f"decoded keeps the images of folders, and {config.dataset} is none; set it to False"
        )


def _check_unchanged(config: StitchingConfig) -> None:
    recipes = [spec.recipe for spec in config.anchors if spec.weights == "recipe"]
    augmented = [config.augmentation, *(recipe.augmentation for recipe in recipes)]
    changed = any(one != Augmentation() for one in augmented)
    held = "texts" if is_text(config.dataset) else "maps" if has_maps(config.dataset) else ""
    if held and changed:
        raise ValueError(f"{config.dataset} holds {held}, which take no augmentation; leave it out")


def _check_layout(config: StitchingConfig) -> None:
    if config.channels_last and is_text(config.dataset):
        raise ValueError(f"{config.dataset} holds texts, which have no channels_last; leave it out")


def _check_graphs(config: StitchingConfig) -> None:
    if config.cuda_graphs and is_text(config.dataset):
        raise ValueError(
            f"{config.dataset} holds texts, whose batches differ in length, which CUDA graphs do "
            "not take; set cuda_graphs to False"
        )


def _check_heads(config: StitchingConfig) -> None:
    wanted = "positions" if has_maps(config.dataset) else "whole"
    networks = [*config.anchors, *([config.teacher] if config.teacher else [])]
    other = next((spec for spec in networks if spec.head != wanted), None)
    if other is not None:
        raise ValueError(
            f"anchor {other.name} tells what {_TELLS[other.head]}, dataset {config.dataset} holds "
            f"what {_TELLS[wanted]}; set the anchors' head to {wanted}"
        )


def _check_augmentation(config: StitchingConfig) -> None:
    dataset, augmentation = config.dataset, config.augmentation
    if dataset in IN_MEMORY and augmentation.of_timm:
        raise ValueError(
            f"{dataset} is held in memory and takes no rand_augment, random_erasing or repeats"
        )
    if dataset not in IN_MEMORY and augmentation.affine:
        near = difflib.get_close_matches(dataset, IN_MEMORY, n=1)
        hint = f"did you mean {near[0]}? Else " if near else ""
        raise ValueError(
            f"dataset {dataset} is none of those in memory ({', '.join(IN_MEMORY)}): {hint}timm "
            "reads it, and its augmentation takes no degrees, scale or shift, which are set here; "
            'set augmentation, too, such as {"rand_augment": "rand-m9-mstd0.5-inc1"}'
        )


_TELLS = {"whole": "whole inputs are", "positions": "each position of an image is"}
# each tells one mistake; the first that is found is told
_CHECKS = (
    _check_pieces,
    _check_warmup,
    _check_image_count,
    _check_stages,
    _check_validation_images,
    _check_slices,
    _check_mixing,
    _check_single_route,
    _check_selection,
    _check_teacher,
    _check_trainable,
    _check_matching,
    _check_sizes,
    _check_decoded,
    _check_unchanged,
    _check_layout,
    _check_graphs,
    _check_heads,
    _check_augmentation,
)
