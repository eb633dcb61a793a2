"""15 epochs or 50."""

from ablations.statement import Statement
from ablations.study import Axis, Study
from studies.experiments.stitching import STITCHING
from studies.overview import BASELINE

STUDY = Study(
    title="Training time",
    question="Do 15 epochs come close to 50?",
    experiment=STITCHING,
    baseline=BASELINE,
    axes=[Axis("epochs", [50, 15])],
    seeds=5,
    claims=[
        Statement(
            words="15 epochs stay within 2 points of 50",
            measure="top1",
            at={"epochs": "15"},
            than={"epochs": "50"},
            relation="equivalent",
            margin=2.0,
        ),
        Statement(
            words="For the best stitch within a budget, within 1 point",
            measure="front_area",
            at={"epochs": "15"},
            than={"epochs": "50"},
            relation="equivalent",
            margin=1.0,
        ),
    ],
)
