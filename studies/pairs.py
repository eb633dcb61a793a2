"""Nearest stitching, or any pair of anchors?"""

from ablations import Axis, Claim, Study
from studies.experiments.stitching import STITCHING
from studies.overview import BASELINE, PAPER

NEAREST = {"pairs": "nearest"}
TOTAL, STITCH = {"pairs": "all, equal in total"}, {"pairs": "all, equal for each stitch"}

STUDY = Study(
    title="Nearest or unrestricted stitching",
    question=(
        "Do stitches between neighbours in complexity do better when anchors further apart, and "
        "chains of three, are left out of the training?"
    ),
    experiment=STITCHING,
    baseline={**BASELINE, "kernel": 1},  # unrestricted, larger windows have thousands of stitches
    axes=[
        Axis(
            "pairs",
            {
                "nearest": {"pairs": "nearest", "budget": "run"},
                "all, equal in total": {"pairs": "all", "budget": "run"},
                "all, equal for each stitch": {"pairs": "all", "budget": "stitch"},
            },
        )
    ],
    seeds=10,
    claims=[
        Claim(
            words="With the same budget in total, nearest stitching is better for the stitches "
            "that both have",
            measure="score",
            at=NEAREST,
            than=TOTAL,
            source=PAPER,
        ),
        Claim(
            words="With the same budget for each stitch, nearest stitching is better for them",
            measure="score",
            at=NEAREST,
            than=STITCH,
            source=PAPER,
        ),
        Claim(
            words="Most nearest stitches beat what unrestricted stitching gives for their MACs",
            measure="score",
            at=NEAREST,
            than=TOTAL,
            statistic="share",
            pairing="macs",
            source=PAPER,
        ),
    ],
)
