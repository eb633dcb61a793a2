"""Stitching layers that learn all of their map, or a low-rank update of it."""

from ablations import Axis, Claim, Study
from studies.experiments.stitching import STITCHING
from studies.overview import BASELINE
from studies.two_way import V2

ESTA = "ESTA, arXiv 2311.17352"

STUDY = Study(
    title="Low-rank stitching layers",
    question=(
        "Is a low-rank update of the least-squares start as good as training the whole layer, and "
        "can all layers between two anchors share it?"
    ),
    experiment=STITCHING,
    baseline={**BASELINE, "positions": "aligned", "direction": "both", "returns": 1},
    axes=[
        Axis(
            "layer",
            {
                "linear": {"layer": "linear"},
                "rank 4": {"layer": "low_rank", "layer_rank": 4},
                "rank 2": {"layer": "low_rank", "layer_rank": 2},
                "shared, rank 4": {"layer": "shared_low_rank", "layer_rank": 4},
            },
        )
    ],
    seeds=5,
    claims=[
        Claim(
            words="Low-rank updates make better stitches than training the whole layer",
            measure="score",
            at={"layer": "rank 4"},
            than={"layer": "linear"},
            source=V2,
        ),
        Claim(
            words="A shared update is at most 1 point worse than one for each layer",
            measure="score",
            at={"layer": "shared, rank 4"},
            than={"layer": "rank 4"},
            margin=-1.0,
            source=ESTA,
        ),
    ],
)
