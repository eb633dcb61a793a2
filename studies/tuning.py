"""All weights, or the stitching layers alone."""

from ablations import Axis, Claim, Study
from studies.experiments.stitching import STITCHING
from studies.overview import BASELINE, PAPER

ALONE = {"tuning": "stitching_layers"}

STUDY = Study(
    title="What is tuned",
    question="Must the anchors be trained along, or is it enough to train the stitching layers?",
    experiment=STITCHING,
    baseline={**BASELINE, "tuning": "full"},
    axes=[Axis("tuning", ["full", "stitching_layers"])],
    seeds=10,
    claims=[
        Claim(
            words="Tuning all weights is better than tuning the stitching layers alone",
            measure="score",
            at={"tuning": "full"},
            than=ALONE,
            source=PAPER,
        ),
        Claim(
            words="Tuning the stitching layers alone helps only some stitches: more than 10 % are "
            "no better than they were",
            measure="loss",
            at=ALONE,
            statistic="share",
            margin=-40.0,  # of 50 %
            source=PAPER,
        ),
    ],
)
