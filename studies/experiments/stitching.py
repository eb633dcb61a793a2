"""Training and scoring a stitched network, as an experiment that studies can vary."""

from __future__ import annotations

from math import nan

from ablations import Attempt, Chart, Experiment, Presentation, UserError
from snnet.config import StitchingConfig
from snnet.data.locations import check_dataset
from snnet.data.sizes import IN_MEMORY
from snnet.errors import MissingDataError
from snnet.run import EXPERIMENT, MODEL, STITCHES
from snnet.scales import SCALES
from snnet.space import epochs_for, space_for
from studies.experiments.objectives import OBJECTIVES

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
    if config.dataset not in SPEED:
        return nan
    passes = 1 if config.sampling == "random" else 2 + config.sandwich_random
    stages = [(anchor.options.get("depth", 12),) for anchor in config.anchors]
    routes = space_for(config, stages).routes
    training, scoring = SPEED[config.dataset]
    sizes = IN_MEMORY[config.dataset]
    images = (config.training_images or sizes.train) / 1000
    scored = sum(
        sweeps * min(count, config.test_images or count)
        for sweeps, count in zip(SWEEPS, (sizes.test, sizes.held_back), strict=True)
    )
    return training * images * passes * epochs_for(config, stages) + scoring * scored / 1000 * len(
        routes
    )


def check_ready(config: StitchingConfig) -> None:
    """Refuse a run whose dataset is not here.

    Raises:
        UserError: says where it was looked for, and what to do.
    """
    try:
        check_dataset(config.dataset)
    except MissingDataError as error:
        raise UserError(str(error)) from None


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
    schema=4,
    scales=SCALES,
    expected_seconds=expected_seconds,
    check_ready=check_ready,
    objectives=OBJECTIVES,
    presentation=PRESENTATION,
    pairings=("route", "macs"),
    packages=("torch", "timm", "numpy"),
)
