"""The number of images that the least-squares start needs."""

from ablations import Axis, Claim, Study
from studies.experiments.stitching import STITCHING
from studies.overview import BASELINE, PAPER

STUDY = Study(
    title="Calibration images",
    question="Are 100 images enough for the least-squares start, or do more bring a gain?",
    experiment=STITCHING,
    baseline={**BASELINE, "calibration_images": 100},
    axes=[Axis("calibration_images", [100, 50, 200, 500, 700])],
    seeds=10,
    claims=[
        *(
            Claim(
                words=f"{more} calibration images bring no gain over 100",
                measure="score",
                at={"calibration_images": str(more)},
                than={"calibration_images": "100"},
                relation="equivalent",
                margin=1.0,
                source=PAPER,
            )
            for more in (200, 500, 700)
        ),
        Claim(
            words="50 calibration images do as well as 100",
            measure="score",
            at={"calibration_images": "50"},
            than={"calibration_images": "100"},
            relation="equivalent",
            margin=1.0,
            source=PAPER,
        ),
    ],
)
