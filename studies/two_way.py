"""Routes in one direction, in both, and such that come back."""

from ablations import Axis, Claim, Study
from studies.experiments.stitching import STITCHING
from studies.overview import BASELINE

V2 = "SN-Netv2, arXiv 2307.00154"
FAST, SLOW, BOTH, BACK = "fast to slow", "slow to fast", "both", "both, returns"

STUDY = Study(
    title="Two-way stitching",
    question=(
        "Does a network with stitches in both directions, and such that come back, hold a better "
        "sub-network for a budget than one of a single direction, in the same training?"
    ),
    experiment=STITCHING,
    baseline={**BASELINE, "positions": "aligned", "returns": 0},
    axes=[
        Axis(
            "routes",
            {
                FAST: {"direction": "fast_to_slow", "returns": 0},
                SLOW: {"direction": "slow_to_fast", "returns": 0},
                BOTH: {"direction": "both", "returns": 0},
                BACK: {"direction": "both", "returns": 1},
            },
        )
    ],
    seeds=5,
    claims=[
        Claim(
            words="A budget gets more from both directions with returns than from Fast-to-Slow",
            measure="front_area",
            at={"routes": BACK},
            than={"routes": FAST},
            source=V2,
        ),
        Claim(
            words="A budget gets more from both directions with returns than from Slow-to-Fast",
            measure="front_area",
            at={"routes": BACK},
            than={"routes": SLOW},
            source=V2,
        ),
        Claim(
            words="Returns add to what both directions hold for a budget",
            measure="front_area",
            at={"routes": BACK},
            than={"routes": BOTH},
            source="asked here",
        ),
    ],
)
