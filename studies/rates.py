"""How fast the stitching layers learn, the anchors as ever."""

from ablations import Axis, Claim, Study
from studies.experiments.stitching import STITCHING
from studies.overview import BASELINE

RATES = {"as the anchors": 1.0, "ten times": 10.0, "a tenth": 0.1}  # of the anchors' rate
ANCHORS_RATE = 1e-3  # that of scale digits; the levels are rates, so another scale needs its own

STUDY = Study(
    title="Learning rate of the stitching layers",
    question="Should stitching layers, which are new, learn faster than the pretrained anchors?",
    experiment=STITCHING,
    baseline={**BASELINE, "learning_rate": ANCHORS_RATE, "anchor_learning_rate": 1.0},
    axes=[
        Axis(
            "stitching_rate",
            {
                name: {"learning_rate": times * ANCHORS_RATE, "anchor_learning_rate": 1 / times}
                for name, times in RATES.items()
            },
        )
    ],
    seeds=10,
    claims=[
        Claim(
            words="Stitching layers that learn ten times as fast as the anchors make no better "
            "stitches, by 1 point",
            measure="score",
            at={"stitching_rate": "as the anchors"},
            than={"stitching_rate": "ten times"},
            margin=-1.0,
            source="asked here",
        ),
        Claim(
            words="Stitching layers that learn a tenth as fast as the anchors make worse stitches",
            measure="score",
            at={"stitching_rate": "as the anchors"},
            than={"stitching_rate": "a tenth"},
            source="asked here",
        ),
    ],
)
