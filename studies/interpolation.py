"""Do stitches lie between their anchors?"""

from ablations import Claim, Study
from studies.experiments.stitching import STITCHING
from studies.overview import BASELINE

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
        ),
        Claim(
            words="Of two stitches next to each other in cost, the dearer is mostly the better one",
            measure="step",
            statistic="share",
        ),
        Claim(
            words="Anchors lose less than 1 point by the joint training",
            measure="anchor_gain",
            margin=-1.0,
        ),
    ],
)
