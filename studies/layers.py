"""Kinds of stitching layers."""

from ablations import Axis, Claim, Study
from studies.experiments.stitching import STITCHING
from studies.overview import BASELINE

# anchors of equal width are not at every scale, so identity is not asked for
KINDS = ["linear", "norm", "relu", "bottleneck", "conv3x3"]

STUDY = Study(
    title="Kinds of stitching layers",
    question="Is there a better stitching layer than a linear map?",
    experiment=STITCHING,
    baseline=BASELINE,
    axes=[Axis("layer", KINDS)],
    seeds=5,
    claims=[
        *(
            Claim(
                words=f"A layer of kind {kind} makes better stitches than a linear one",
                measure="score",
                at={"layer": kind},
                than={"layer": "linear"},
                source="asked here",
            )
            for kind in ("norm", "conv3x3")
        ),
        Claim(
            words="A ReLU after the linear map costs accuracy before any training",
            measure="score_before",
            at={"layer": "linear"},
            than={"layer": "relu"},
            source="asked here",
        ),
    ],
)
