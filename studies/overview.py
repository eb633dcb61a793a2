"""The five design choices of SN-Net, each varied alone."""

from ablations import Axis, Study
from studies.experiments.stitching import STITCHING

AXES = [
    Axis("init", ["least_squares", "kaiming"]),
    Axis("direction", ["fast_to_slow", "slow_to_fast"]),
    Axis(
        "window",  # kernel/stride, and whether stitches may skip an anchor
        {
            "2/1": {"kernel": 2, "stride": 1, "pairs": "nearest"},
            "1/1": {"kernel": 1, "stride": 1, "pairs": "nearest"},
            "3/1": {"kernel": 3, "stride": 1, "pairs": "nearest"},
            "1/1-all": {"kernel": 1, "stride": 1, "pairs": "all"},
        },
    ),
    Axis("epochs", [50, 15]),
    Axis("sampling", ["random", "sandwich"]),
]

PAPER = "SN-Net, CVPR 2023"  # who makes most of the claims
# the paper's choices, section 4.1
BASELINE = {
    "init": "least_squares",
    "direction": "fast_to_slow",
    "kernel": 2,
    "stride": 1,
    "pairs": "nearest",
    "epochs": 50,
    "sampling": "random",
}

STUDY = Study(
    title="Overview of the design choices",
    question=(
        "Which design choice of SN-Net matters? Initialisation of the stitching layers, direction, "
        "window, training time and sampling rule are each varied alone against the paper's choice."
    ),
    experiment=STITCHING,
    baseline=BASELINE,
    axes=AXES,
)
