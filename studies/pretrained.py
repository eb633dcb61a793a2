"""Anchors with and without pretrained weights."""

from ablations import Axis, Claim, Study
from studies.experiments.stitching import STITCHING
from studies.overview import BASELINE, PAPER

STUDY = Study(
    title="Pretrained anchors",
    question="Does a stitched network converge to a useful one when its anchors know nothing?",
    experiment=STITCHING,
    baseline={**BASELINE, "pretrained": True},
    axes=[
        Axis("anchors", {"pretrained": {"pretrained": True}, "random": {"pretrained": False}}),
    ],
    seeds=10,
    claims=[
        Claim(
            words="Without pretrained anchors the stitches are at least 10 points worse",
            measure="score",
            at={"anchors": "pretrained"},
            than={"anchors": "random"},
            margin=10.0,
            source=PAPER,
        ),
        Claim(
            words="Without pretrained anchors even the best stitch within a budget is at least 10 "
            "points worse",
            measure="front_area",
            at={"anchors": "pretrained"},
            than={"anchors": "random"},
            margin=10.0,
            source=PAPER,
        ),
    ],
)
