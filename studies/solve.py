"""A window's stitching layer: the mean of its pairs' solutions, or one solution for all."""

from ablations import Axis, Claim, Study
from studies.experiments.stitching import STITCHING
from studies.overview import BASELINE

JOINT, MEAN = {"solve": "joint"}, {"solve": "mean"}

STUDY = Study(
    title="Least squares for a whole window",
    question=(
        "Should the layer that the pairs of a window share start at the mean of their solutions, "
        "as the released code has it, or at the one that fits all of them best?"
    ),
    experiment=STITCHING,
    baseline={**BASELINE, "solve": "mean"},
    axes=[Axis("solve", ["mean", "joint"])],
    seeds=10,
    claims=[
        Claim(
            words="Before training, the joint solution is better than the mean of solutions",
            measure="score_before",
            at=JOINT,
            than=MEAN,
            source="asked here",
        ),
        Claim(
            words="After 50 epochs it makes no difference",
            measure="score",
            at=JOINT,
            than=MEAN,
            relation="equivalent",
            margin=1.0,
            source="asked here",
        ),
    ],
)
