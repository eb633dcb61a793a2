"""Training and scoring a stitched network, as an experiment that studies can vary."""

from __future__ import annotations

import os
from functools import lru_cache
from math import nan
from pathlib import Path

from ablations import Attempt, Chart, Experiment, Metric, Presentation, Table, UserError
from snnet.anchor_spec import AnchorSpec
from snnet.config import StitchingConfig
from snnet.data.folder import list_dataset, remarks
from snnet.data.idx import check_fashion
from snnet.data.locations import check_remote, data_root, is_folder, split_folders
from snnet.data.map_folder import list_maps
from snnet.data.sentences import check_texts
from snnet.data.sizes import CANVASES, IN_MEMORY, RATED, is_map_folder, is_text
from snnet.depths import known_depths
from snnet.errors import MissingDataError
from snnet.pieces import PIECES
from snnet.run import ANSWERS, DECODED, EXPERIMENT, MODEL, STITCHES
from snnet.scales import SCALES
from snnet.space import SETTINGS, count_routes, epochs_for
from snnet.tasks.scores import SCORES, TOP1, Score, score_of
from studies.experiments.objectives import OBJECTIVES
from studies.experiments.savings import savings

# settings on which depends whether networks can be made
NETWORKS = (
    *(
        "dataset",
        "pixels",
        "tokens",
        "decoded",
        "anchors",
        "pretrained",
        "fine_tuned",
        "teacher",
        "distillation",
        "tuning",
        "drop_path",
        "init",
        "calibration_images",
    ),
    *("anchor_learning_rate", *SETTINGS, "only", "selection", "kept", "layer", "layer_rank"),
)
_checked: dict[str, list[str]] = {}  # what was told of those that passed, see `_check_networks`

# by dataset and `pixels`, measured on one of two busy cores with the anchors of the scales: seconds
# for 1000 training examples through a sub-network, and for 1000 more through a stitch of a sweep
SPEED = {
    ("digits", None): (0.6, 0.25),
    ("fashion", None): (2.9, 0.67),
    ("fashion", 64): (43.0, 2.0),
    ("text/films", None): (20.0, 2.5),
    ("canvas", None): (8.5, 2.2),
}
SWEEPS = 2, 4  # over the test images, and over those held back


def run_stitching(config: StitchingConfig, run: Attempt) -> dict[str, float]:
    """Run `snnet.experiment.run_stitching`, which is imported only then."""
    from snnet import experiment  # torch and timm: only workers pay for them

    return experiment.run_stitching(config, run)


def expected_seconds(config: StitchingConfig) -> float:
    """A guess for one of two busy cores, anchors trained already; NaN where none was measured."""
    stages = _known_stages(config)
    trained, scored = config.examples_per_epoch, _scored(config)
    if (config.dataset, config.pixels) not in SPEED or not (stages and trained and scored):
        return nan
    training, scoring = SPEED[config.dataset, config.pixels]
    passes = 2 + config.sandwich_random if config.sampling == "sandwich" else 1
    seconds = training * trained * passes * epochs_for(config, stages)
    return (seconds + scoring * scored * _count_routes(config, stages)) / 1000


def _scored(config: StitchingConfig) -> int | None:
    """Examples of all sweeps of a run; None where only the dataset itself tells."""
    sizes = IN_MEMORY.get(config.dataset)
    counts = (sizes.test, sizes.held_back) if sizes else (config.test_images,) * 2
    if None in counts:
        return None
    limited = [min(count, config.test_images or count) for count in counts if count]
    return sum(sweeps * count for sweeps, count in zip(SWEEPS, limited, strict=True))


def _known_stages(config: StitchingConfig) -> tuple[tuple[int, ...], ...]:
    """Blocks of all anchors, stage by stage; empty where those of one are not known."""
    depths = [known_depths(anchor) for anchor in config.anchors]
    known = tuple(one for one in depths if one is not None)
    return known if len(known) == len(depths) else ()


def _count_routes(config: StitchingConfig, stages: tuple[tuple[int, ...], ...]) -> int:
    """The number of sub-networks; runs of a plan mostly share their space."""
    names = (*SETTINGS, "only", "selection", "kept")
    return _routes_of(StitchingConfig(**{name: getattr(config, name) for name in names}), stages)


_routes_of = lru_cache(count_routes)


def fixed(config: StitchingConfig) -> list[str]:
    """What somebody else would draw, but not the seed: anchors that are given, an own test set."""
    drawn = config.anchor_seed is None and all(
        weights == "random" or (weights == "recipe" and anchor.recipe.seed is None)
        for anchor in config.anchors
        for weights in [_weights(anchor, config)]
    )
    found = [] if drawn or not config.pretrained else ["the weights of the anchors"]
    sizes = IN_MEMORY.get(config.dataset)
    own = config.dataset not in RATED and (sizes is None or sizes.official)
    fixed_test = config.split_seed is not None or (own and config.test_images is None)
    return [*found, "the test images"] if fixed_test else found


def _weights(anchor: AnchorSpec, config: StitchingConfig) -> str:
    """Where an anchor gets the weights with which a run begins."""
    own = anchor.weights == "recipe" and not config.fine_tuned
    return anchor.start if own else anchor.weights


def check_settings(config: StitchingConfig) -> None:
    """Refuse stages, windows and routes that the anchors do not have, where that is known.

    Raises:
        UserError: says what there is.
    """
    try:
        stages = _known_stages(config)
        if stages:
            _count_routes(config, stages)
    except ValueError as error:
        raise UserError(f"these settings do not fit together: {error}") from None


def check_ready(config: StitchingConfig) -> list[str]:
    """Refuse a run whose images or weights are not here, or do not fit.

    Returns:
        A sentence for anchors that know nothing and should, for what is left out of the images,
        for each file of weights that is adapted, and what else `snnet.readiness` tells.

    Raises:
        UserError: says what is missing or wrong, and what to do.
    """
    try:
        told = [*_untaught(config), *check_dataset(config)]
        if config.layer == "linear" and all(_is_known(spec, config) for spec in config.anchors):
            return told
        return told + _check_networks(config)
    except (MissingDataError, ValueError) as error:
        raise UserError(str(error)) from None


def _untaught(config: StitchingConfig) -> list[str]:
    """What is to be known of anchors that shall know something of another task, and do not."""
    names = [spec.name for spec in config.anchors if _weights(spec, config) == "random"]
    if config.fine_tuned or not (names and config.pretrained):
        return []
    return [
        f"{', '.join(names)} begin with random weights, and fine_tuned=False leaves them so: "
        "nothing of another task is in them; anchors of scales lite and minilm begin with such"
    ]


def check_dataset(config: StitchingConfig) -> list[str]:
    """Refuse a dataset that is not here, or too small; a sentence for what of it is left out.

    Raises:
        MissingDataError: says where it was looked for, and what to do.
        ValueError: it holds too few images for the settings.
    """
    if "fashion" in (config.dataset, CANVASES.get(config.dataset)):
        check_fashion()
    if config.dataset in IN_MEMORY:
        return []
    if is_text(config.dataset):
        check_texts(config.dataset)
        return []
    if is_map_folder(config.dataset):
        train, _ = list_maps(config.dataset)
        _check_counts(config, len(train.images), train.folder)
        return []
    if not is_folder(config.dataset):
        check_remote(config.dataset)
        return []
    images, folder = list_dataset(config.dataset)[0].files, split_folders(config.dataset)[0]
    _check_counts(config, len(images), folder)
    return remarks(config.dataset)


def _check_counts(config: StitchingConfig, found: int, folder: Path) -> None:
    there = found - (config.validation_images or 0)
    for name in ("batch_size", "calibration_images"):
        if getattr(config, name) > min(there, config.training_images or there):
            raise ValueError(
                f"{name} is {getattr(config, name)}, but there are only {there} training images "
                f"in {folder}; choose a smaller one"
            )


def _is_known(spec: AnchorSpec, config: StitchingConfig) -> bool:
    """Whether an anchor is one that a scale has for this dataset: torch need not look at it."""
    return (
        config.teacher is None
        and (spec.start if spec.weights == "recipe" else spec.weights) == "random"
        and any(
            (spec.architecture, spec.options) == (known["architecture"], known["options"])
            for families in SCALES.values()
            for family in families.values()
            if family["dataset"] == config.dataset and config.dataset in IN_MEMORY
            for known in family["anchors"]
        )
    )


def _check_networks(config: StitchingConfig) -> list[str]:
    """`snnet.readiness.check_networks`, once for each choice of networks, images and files."""
    chosen = {name: getattr(config, name) for name in NETWORKS}
    files = [_state_of(spec) for spec in (*config.anchors, config.teacher) if spec]
    key = repr((chosen, files, data_root()))
    if key not in _checked:
        from snnet.readiness import check_networks  # torch and timm

        _checked[key] = check_networks(config)
    return _checked[key]


def _state_of(spec: AnchorSpec) -> tuple[int, int] | None:
    """When the file of an anchor's weights was written, and its size."""
    try:
        status = os.stat(os.path.expanduser(spec.weights))
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def metric_of(score: Score, name: str, words: str, bits: str = "") -> Metric:
    """The metric of a task's score, under a name that is made from the score's."""
    return Metric(name, words, score.unit, score.goal, score.factor, bits, sometimes=True)


def summary_metrics(score: Score) -> tuple[Metric, ...]:
    """What runs of a task tell of its score."""
    return (
        metric_of(score, f"mean_{score.name}", f"mean {score.words} over stitches"),
        metric_of(score, f"mean_{score.name}_before", f"mean {score.words} before training"),
        metric_of(score, f"worst_{score.name}", f"worst {score.words}"),
    )


def stitch_scores(score: Score, words: str) -> tuple[Metric, ...]:
    """What tables of stitches hold of a task's score, after training and before."""
    before = f"{score.bits}_before" if score.bits else ""
    return (
        metric_of(score, score.name, words, score.bits),
        metric_of(score, f"{score.name}_before", f"{score.words} before training", before),
    )


# of all tasks; a run has those of its own
METRICS = (
    *(metric for score in SCORES for metric in summary_metrics(score)),
    Metric("train_seconds", "training", "s", "minimize"),
    Metric("passes", "sub-network passes", goal="minimize"),
)
TABLE = Table(
    STITCHES,
    row="route",
    scores=(
        *stitch_scores(TOP1, f"{TOP1.words} accuracy"),
        *(metric for score in SCORES[1:] for metric in stitch_scores(score, score.words)),
    ),
    cost=Metric("macs", "MACs", goal="minimize"),
    marked="is_anchor",
    items="images",
)


def presentation(config: StitchingConfig) -> Presentation:
    """Charts and columns of the score that the run's task has."""
    score = score_of(config.dataset).name
    return Presentation(
        charts=(
            Chart(score, over="macs", table=STITCHES),
            Chart(f"{score}_before", over="macs", table=STITCHES),
            Chart("loss"),
        ),
        columns=(f"mean_{score}", f"worst_{score}", "train_seconds"),
        disposable=(MODEL,),
        caches=(ANSWERS, DECODED),
        dataset=data_settings(config),
    )


def data_settings(config: StitchingConfig) -> tuple[str, ...]:
    """The settings that choose the images or texts of a run."""
    counts = ("training_images", "test_images", "validation_images")
    sizes = IN_MEMORY.get(config.dataset)
    drawn = any(getattr(config, name) for name in counts) or (sizes and not sizes.official)
    seed = ("seed",) if drawn and config.split_seed is None else ()
    return ("dataset", *counts, "pixels", "tokens", "split_seed", *seed)


STITCHING = Experiment(
    name=EXPERIMENT,
    config=StitchingConfig,
    function=run_stitching,
    schema=5,
    pieces=PIECES,
    since={
        "gradient_clip_by": "norm",
        "pixels": None,
        "tokens": 64,
        "images_per_epoch": None,
        "positions": "windows",
        "returns": 0,
        "layer": "linear",
        "layer_rank": 16,
        "layer_alpha": 1.0,
        "cost_gap": 1e9,
        "selection": "all",
        "kept": None,
        "matching": "none",
        "matching_share": 0.3,
        "tuning_rank": 8,
        "tuning_alpha": 8.0,
        "rivals": False,
        "teacher_answers": "asked",
        "teacher_top": 16,
        "decoded": False,
        "anchors.start": "random",
        "teacher.start": "random",
        "fine_tuned": True,
        "anchors.head": "whole",
        "teacher.head": "whole",
        "solve_precision": "double",
        "compile": "none",
        "channels_last": False,
        "cuda_graphs": False,
    },
    scales=SCALES,
    expected_seconds=expected_seconds,
    check_settings=check_settings,
    check_ready=check_ready,
    savings=savings,
    metrics=METRICS,
    table=TABLE,
    objectives=OBJECTIVES,
    presentation=presentation,
    pairings=("route", "macs"),
    fixed=fixed,
    packages=("torch", "timm", "numpy"),
)
