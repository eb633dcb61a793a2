"""Training and scoring a stitched network, as an experiment that studies can vary."""

from __future__ import annotations

import os
from functools import lru_cache
from math import nan

from ablations import Attempt, Chart, Experiment, Metric, Presentation, Table, UserError
from snnet.config import AnchorSpec, StitchingConfig
from snnet.data.folder import list_dataset, remarks
from snnet.data.idx import check_fashion
from snnet.data.locations import check_remote, data_root, is_folder, split_folders
from snnet.data.sentences import check_texts
from snnet.data.sizes import IN_MEMORY, RATED, is_text
from snnet.depths import known_depths
from snnet.errors import MissingDataError
from snnet.run import EXPERIMENT, MODEL, STITCHES
from snnet.scales import SCALES
from snnet.space import SETTINGS, epochs_for, space_for
from snnet.tasks.scores import TOP1, Score
from studies.experiments.objectives import OBJECTIVES

# settings on which depends whether networks can be made
NETWORKS = (
    *(
        "dataset",
        "pixels",
        "tokens",
        "anchors",
        "pretrained",
        "teacher",
        "distillation",
        "tuning",
        "drop_path",
    ),
    *("anchor_learning_rate", *SETTINGS, "only", "layer", "layer_rank"),
)
_checked: dict[str, list[str]] = {}  # what was told of those that passed, see `_check_networks`

# measured on one of two busy cores: seconds for 1000 training images through a sub-network, and
# for 1000 test images through one more stitch of a sweep
SPEED = {"digits": (0.6, 0.25), "fashion": (2.9, 0.67)}
SWEEPS = 2, 4  # over the test images, and over those held back


def run_stitching(config: StitchingConfig, run: Attempt) -> dict[str, float]:
    """Run `snnet.experiment.run_stitching`, which is imported only then."""
    from snnet import experiment  # torch and timm: only workers pay for them

    return experiment.run_stitching(config, run)


def expected_seconds(config: StitchingConfig) -> float:
    """A guess for one of two busy cores, anchors trained already; NaN where none was measured."""
    stages = _known_stages(config)
    if config.dataset not in SPEED or config.pixels is not None or not stages:
        return nan
    passes = 2 + config.sandwich_random if config.sampling == "sandwich" else 1
    training, scoring = SPEED[config.dataset]
    sizes = IN_MEMORY[config.dataset]
    images = (config.training_images or sizes.train) / 1000
    scored = sum(
        sweeps * min(count, config.test_images or count)
        for sweeps, count in zip(SWEEPS, (sizes.test, sizes.held_back), strict=True)
    )
    trained = images * passes * epochs_for(config, stages)
    return training * trained + scoring * scored / 1000 * _count_routes(config, stages)


def _known_stages(config: StitchingConfig) -> tuple[tuple[int, ...], ...]:
    """Blocks of all anchors, stage by stage; empty where those of one are not known."""
    depths = [known_depths(anchor) for anchor in config.anchors]
    known = tuple(one for one in depths if one is not None)
    return known if len(known) == len(depths) else ()


def _count_routes(config: StitchingConfig, stages: tuple[tuple[int, ...], ...]) -> int:
    """The number of sub-networks; runs of a plan mostly share their space."""
    names = (*SETTINGS, "only")
    return _routes_of(StitchingConfig(**{name: getattr(config, name) for name in names}), stages)


@lru_cache
def _routes_of(space: StitchingConfig, stages: tuple[tuple[int, ...], ...]) -> int:
    return len(space_for(space, stages).routes)


def fixed(config: StitchingConfig) -> list[str]:
    """What somebody else would draw, but not the seed: anchors that are given, an own test set."""
    drawn = config.anchor_seed is None and all(
        anchor.weights == "random" or (anchor.weights == "recipe" and anchor.recipe.seed is None)
        for anchor in config.anchors
    )
    found = [] if drawn or not config.pretrained else ["the weights of the anchors"]
    sizes = IN_MEMORY.get(config.dataset)
    own = config.dataset not in RATED and (sizes is None or sizes.official)
    fixed_test = config.split_seed is not None or (own and config.test_images is None)
    return [*found, "the test images"] if fixed_test else found


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
        A sentence for what is left out of the images, and for each file of weights that is
        adapted.

    Raises:
        UserError: says what is missing or wrong, and what to do.
    """
    try:
        told = check_dataset(config)
        if config.layer == "linear" and all(_is_known(spec, config) for spec in config.anchors):
            return told
        return told + _check_networks(config)
    except (MissingDataError, ValueError) as error:
        raise UserError(str(error)) from None


def check_dataset(config: StitchingConfig) -> list[str]:
    """Refuse a dataset that is not here, or too small; a sentence for what of it is left out.

    Raises:
        MissingDataError: says where it was looked for, and what to do.
        ValueError: it holds too few images for the settings.
    """
    if config.dataset == "fashion":
        check_fashion()
    if config.dataset in IN_MEMORY:
        return []
    if is_text(config.dataset):
        check_texts(config.dataset)
        return []
    if not is_folder(config.dataset):
        check_remote(config.dataset)
        return []
    there = len(list_dataset(config.dataset)[0].files) - (config.validation_images or 0)
    for name in ("batch_size", "calibration_images"):
        if getattr(config, name) > min(there, config.training_images or there):
            raise ValueError(
                f"{name} is {getattr(config, name)}, but there are only {there} training images "
                f"in {split_folders(config.dataset)[0]}; choose a smaller one"
            )
    return remarks(config.dataset)


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
    return Metric(name, words, score.unit, score.goal, score.factor, bits)


METRICS = (
    metric_of(TOP1, f"mean_{TOP1.name}", f"mean {TOP1.words} over stitches"),
    metric_of(TOP1, f"mean_{TOP1.name}_before", f"mean {TOP1.words} before training"),
    metric_of(TOP1, f"worst_{TOP1.name}", f"worst {TOP1.words}"),
    Metric("train_seconds", "training", "s", "minimize"),
    Metric("passes", "sub-network passes", goal="minimize"),
)
TABLE = Table(
    STITCHES,
    row="route",
    scores=(
        metric_of(TOP1, TOP1.name, f"{TOP1.words} accuracy", TOP1.bits),
        metric_of(
            TOP1, f"{TOP1.name}_before", f"{TOP1.words} before training", f"{TOP1.bits}_before"
        ),
    ),
    cost=Metric("macs", "MACs", goal="minimize"),
    marked="is_anchor",
    items="images",
)
PRESENTATION = Presentation(
    charts=(
        Chart("top1", over="macs", table=STITCHES),
        Chart("top1_before", over="macs", table=STITCHES),
        Chart("loss"),
    ),
    columns=("mean_top1", "worst_top1", "train_seconds"),
    disposable=(MODEL,),
)

STITCHING = Experiment(
    name=EXPERIMENT,
    config=StitchingConfig,
    function=run_stitching,
    schema=5,
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
        "anchors.start": "random",
        "teacher.start": "random",
    },
    scales=SCALES,
    expected_seconds=expected_seconds,
    check_settings=check_settings,
    check_ready=check_ready,
    metrics=METRICS,
    table=TABLE,
    objectives=OBJECTIVES,
    presentation=PRESENTATION,
    pairings=("route", "macs"),
    fixed=fixed,
    packages=("torch", "timm", "numpy"),
)
