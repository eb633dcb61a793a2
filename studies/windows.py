"""Kernel and stride of the sliding window."""

from ablations import Axis, Claim, Study
from studies.experiments.stitching import STITCHING
from studies.overview import BASELINE

WINDOWS = [(2, 1), (1, 1), (2, 2), (3, 1), (3, 2), (3, 3)]  # kernel, stride; the baseline first

STUDY = Study(
    title="Sliding windows",
    question=(
        "What do kernel and stride of the window decide: how many stitches there are, or also "
        "how good the best one within a budget is?"
    ),
    experiment=STITCHING,
    baseline=BASELINE,
    axes=[
        Axis("window", {f"{k}/{s}": {"kernel": k, "stride": s} for k, s in WINDOWS}),
    ],
    seeds=10,
    claims=[
        Claim(
            words=f"Window {k}/{s} gives as good a stitch for a budget as 2/1 does",
            measure="front_area",
            at={"window": f"{k}/{s}"},
            than={"window": "2/1"},
            relation="equivalent",
            margin=1.0,
        )
        for k, s in WINDOWS[1:]
    ],
)
