"""Do stitches lie between their anchors?"""

from ablations import Claim, Study
from studies.experiments.stitching import STITCHING
from studies.overview import BASELINE, PAPER

STUDY = Study(
    title="Interpolation between anchors",
    question=(
        "Does accuracy rise with cost from one anchor to the next, and do the anchors themselves "
        "keep their accuracy?"
    ),
    experiment=STITCHING,
    baseline=BASELINE,
    axes=[],
    seeds=10,
    claims=[
        Claim(
            words="Accuracy rises with cost: the rank correlation over stitches is above 0.5",
            measure="rank_correlation",
            margin=50.0,
            source=PAPER,
        ),
        Claim(
            words="Of two stitches next to each other in cost, the dearer is mostly the better one",
            measure="step",
            statistic="share",
            source=PAPER,
        ),
        Claim(
            words="Most stitches are neither better nor worse than both of their anchors",
            measure="between",
            statistic="share",
            source=PAPER,
        ),
        Claim(
            words="Stitches lie above the straight line between their anchors: half way in cost "
            "is more than half way in accuracy",
            measure="above_chord",
            source="asked here",
        ),
        Claim(
            words="Anchors lose at most 2 points by the joint training",
            measure="anchor_gain",
            margin=-2.0,
            source="SN-Net's released points: the smallest anchors lose 1.4 to 1.6 points "
            "(DeiT-Ti 70.6 of 72.2, Swin-Ti 79.5 of 80.9, ResNet-18 68.3 of 69.8)",
        ),
    ],
)
