"""Stitches of one network against the same architectures, each trained alone."""

from ablations import Axis, Claim, Study
from studies.experiments.stitching import STITCHING
from studies.overview import BASELINE, PAPER

ROUTES = ("0.2>1.3", "1.2>2.3")  # from each anchor to the next, somewhere in the middle
JOINTLY = {"only": None, "pretrained": True, "init": "least_squares", "epochs": 50}
ALONE = {"pretrained": False, "init": "kaiming", "epochs": 100}  # nothing to start from

STUDY = Study(
    title="Stitches against training from scratch",
    question=(
        "Is a stitch of a jointly trained network as good as its architecture trained alone from "
        "random weights, for twice the epochs?"
    ),
    experiment=STITCHING,
    baseline={**BASELINE, **JOINTLY},
    axes=[
        Axis(
            "trained",
            {"jointly": JOINTLY, **{f"{one} alone": {**ALONE, "only": one} for one in ROUTES}},
        )
    ],
    seeds=10,
    claims=[
        Claim(
            words=f"Stitch {one} of the joint network is at most 1 point worse than trained alone",
            measure="score",
            at={"trained": "jointly"},
            than={"trained": f"{one} alone"},
            margin=-1.0,
            source=PAPER,
        )
        for one in ROUTES
    ],
)
