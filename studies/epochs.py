"""15 epochs or 50."""

from ablations import Axis, Claim, Study
from studies.experiments.stitching import STITCHING
from studies.overview import BASELINE, PAPER

STUDY = Study(
    title="Training time",
    question="Do 15 epochs come close to 50?",
    experiment=STITCHING,
    baseline=BASELINE,
    axes=[Axis("epochs", [50, 15])],
    seeds=10,
    claims=[
        Claim(
            words="Stitches stay within 2 points when 15 epochs train them, not 50",
            measure="score",
            at={"epochs": "15"},
            than={"epochs": "50"},
            relation="equivalent",
            margin=2.0,
            source=PAPER,
        ),
        Claim(
            words="The best stitch within a budget stays within 1 point when 15 epochs train it",
            measure="front_area",
            at={"epochs": "15"},
            than={"epochs": "50"},
            relation="equivalent",
            margin=1.0,
            source=PAPER,
        ),
        Claim(
            words="More epochs bring the anchors back: 50 leave them nearer to what they were",
            measure="anchor_gain",
            at={"epochs": "50"},
            than={"epochs": "15"},
            source="asked here",
        ),
    ],
)
