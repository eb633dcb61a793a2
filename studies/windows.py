"""Kernel and stride of the sliding window."""

from ablations import Axis, Claim, Study
from studies.experiments.stitching import STITCHING
from studies.overview import BASELINE, PAPER

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
        Axis(
            "window",
            {
                **{f"{k}/{s}": {"kernel": k, "stride": s, "budget": "run"} for k, s in WINDOWS},
                **{
                    f"{k}/{s}, equal visits": {"kernel": k, "stride": s, "budget": "visits"}
                    for k, s in [(1, 1), (3, 1)]
                },
            },
        ),
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
            source=PAPER,
        )
        for k, s in WINDOWS[1:]
    ]
    + [
        Claim(
            words="With equal visits of each stitch, window 3/1 makes stitches as good as 1/1 for "
            "those that both have",
            measure="score",
            at={"window": "3/1, equal visits"},
            than={"window": "1/1, equal visits"},
            relation="equivalent",
            margin=1.0,
            source="asked here",
        ),
        Claim(
            words="In the same training, more sub-networks cost quality: the stitches of 1/1 are "
            "better than the same ones of 3/1",
            measure="score",
            at={"window": "1/1"},
            than={"window": "3/1"},
            source="asked here",
        ),
    ],
)
