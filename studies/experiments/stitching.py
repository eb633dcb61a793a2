"""Training and scoring a stitched network, as an experiment that studies can vary."""

from __future__ import annotations

from ablations.experiment import Experiment
from ablations.run import Run
from snnet.config import SCALES, StitchingConfig
from snnet.space import build_space


def run_stitching(config: StitchingConfig, run: Run) -> dict[str, float]:
    """`snnet.experiment.run_stitching`, imported when it runs."""
    from snnet import experiment  # torch and timm: only workers pay for them

    return experiment.run_stitching(config, run)


def expected_seconds(config: StitchingConfig) -> float:
    """A guess for scale digits on one of two busy cores, anchors trained already."""
    passes = 1 if config.sampling == "random" else 2 + config.sandwich_random
    depths = tuple(anchor.options.get("depth", 12) for anchor in config.anchors)
    routes = build_space(
        depths, config.kernel, config.stride, config.pairs, config.direction
    ).routes
    return 0.65 * passes * config.epochs + 0.15 * len(routes)


STITCHING = Experiment(
    name="stitching",
    config=StitchingConfig,
    function=run_stitching,
    scales=SCALES,
    expected_seconds=expected_seconds,
)
