"""The real stitching experiment with anchors that train for one epoch."""

from ablations import Axis, Study
from snnet.scales import SCALES
from studies.experiments.stitching import STITCHING

ANCHORS = [
    {
        **anchor,
        "recipe": {"epochs": 1, "warmup_epochs": 0},
        "options": {**anchor["options"], "depth": 2},
    }
    for anchor in SCALES["digits"]["vit"]["anchors"][:2]
]

STUDY = Study(
    title="Tiny",
    question="Does the method run from end to end?",
    experiment=STITCHING,
    baseline={"anchors": ANCHORS, "epochs": 2, "warmup_epochs": 0, "sampling": "random"},
    axes=[Axis("sampling", ["random", "sandwich"]), Axis("init", ["least_squares", "kaiming"])],
)
