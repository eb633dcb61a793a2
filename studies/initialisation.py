"""Least squares or Kaiming: which start of the stitching layers is the better one?"""

from ablations import Axis, Claim, Study
from studies.experiments.stitching import STITCHING
from studies.overview import BASELINE, PAPER

LEAST_SQUARES, KAIMING = {"init": "least_squares"}, {"init": "kaiming"}

STUDY = Study(
    title="Initialisation of the stitching layers",
    question="Is least squares the better start than Kaiming, and for how long does it show?",
    experiment=STITCHING,
    baseline=BASELINE,
    axes=[Axis("init", ["least_squares", "kaiming"]), Axis("epochs", [50, 15])],
    design="factorial",
    seeds=10,
    claims=[
        Claim(
            words="Before training, stitches that start from least squares are better than from "
            "Kaiming",
            measure="score_before",
            at=LEAST_SQUARES,
            than=KAIMING,
            source=PAPER,
        ),
        Claim(
            words="After 15 epochs, stitches that started from least squares are still better",
            measure="score",
            at={**LEAST_SQUARES, "epochs": "15"},
            than={**KAIMING, "epochs": "15"},
            source=PAPER,
        ),
        Claim(
            words="After 50 epochs, stitches that started from least squares are still better",
            measure="score",
            at=LEAST_SQUARES,
            than=KAIMING,
            source=PAPER,
        ),
    ],
)
