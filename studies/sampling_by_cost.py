"""Which stitch a step draws: any, one of a group of equal cost, or one that was drawn rarely."""

from ablations import Axis, Claim, Study
from studies.experiments.stitching import STITCHING
from studies.overview import BASELINE
from studies.two_way import V2

RULES = ["random", "cost_groups", "equal_exposure", "inverse_visits"]

STUDY = Study(
    title="Sampling by cost",
    question=(
        "Does it help to draw costs evenly instead of stitches, or every stitch equally often, in "
        "a space of both directions?"
    ),
    experiment=STITCHING,
    baseline={
        **BASELINE,
        "positions": "aligned",
        "direction": "both",
        "returns": 1,
        "cost_gap": 5e4,  # MACs: four groups of the 63 stitches at scale digits
    },
    axes=[Axis("sampling", RULES)],
    seeds=5,
    claims=[
        Claim(
            words="Groups of equal cost make a better stitch for a budget than uniform draws",
            measure="front_area",
            at={"sampling": "cost_groups"},
            than={"sampling": "random"},
            source=V2,
        ),
        Claim(
            words="Equal exposure makes better stitches than uniform draws",
            measure="score",
            at={"sampling": "equal_exposure"},
            than={"sampling": "random"},
            source="asked here",
        ),
    ],
)
