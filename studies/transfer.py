"""What anchors should know before they are stitched."""

from ablations import Axis, Claim, Study
from studies.experiments.stitching import STITCHING
from studies.overview import BASELINE

FINE_TUNED, STRAIGHT, SCRATCH = (
    {"anchors": name} for name in ("fine-tuned", "straight", "scratch")
)

STUDY = Study(
    title="Transfer learning",
    question=(
        "Must anchors be fine-tuned for the task before they are stitched, or can joint training "
        "begin with the weights of another task straight away?"
    ),
    experiment=STITCHING,
    baseline={**BASELINE, "pretrained": True, "fine_tuned": True},
    axes=[
        Axis(
            "anchors",
            {
                "fine-tuned": {"pretrained": True, "fine_tuned": True},
                "straight": {"pretrained": True, "fine_tuned": False},
                "scratch": {"pretrained": False, "fine_tuned": True},
            },
        )
    ],
    seeds=5,
    claims=[
        Claim(
            words="Stitches of fine-tuned anchors are better than of anchors that come straight "
            "from another task",
            measure="score",
            at=FINE_TUNED,
            than=STRAIGHT,
            source="asked here",
        ),
        Claim(
            words="Anchors that come straight from another task still give better stitches than "
            "random ones",
            measure="score",
            at=STRAIGHT,
            than=SCRATCH,
            source="asked here",
        ),
        Claim(
            words="Joint training makes up for fine-tuning: the best stitch within a budget loses "
            "less than 2 points without it",
            measure="front_area",
            at=STRAIGHT,
            than=FINE_TUNED,
            relation="equivalent",
            margin=2.0,
            source="asked here",
        ),
    ],
)
