"""The real stitching experiment, so small that a home of its runs can be kept beside the tests."""

from ablations import Axis, Claim, Study
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
    title="Small",
    question="Is a home of an earlier version read?",
    experiment=STITCHING,
    baseline={"anchors": ANCHORS, "epochs": 2, "warmup_epochs": 0, "init": "least_squares"},
    axes=[Axis("init", ["least_squares", "kaiming"])],
    seeds=2,
    claims=[
        Claim(
            "least squares starts better than Kaiming",
            "top1_before",
            at={"init": "least_squares"},
            than={"init": "kaiming"},
        )
    ],
)
