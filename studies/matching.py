"""Stitching layers that match features first, and what they match."""

from ablations import Axis, Claim, Study
from studies.experiments.stitching import STITCHING
from studies.overview import BASELINE

REVISITING = "Revisiting Model Stitching, arXiv 2603.12433"
FULA = "FuLA, arXiv 2505.20142"

STUDY = Study(
    title="Matching features before the task loss",
    question=(
        "Do stitches get better when their layers first learn to give the features of the next "
        "anchor, and is that best done at the stitch, before the head, or in all blocks between?"
    ),
    experiment=STITCHING,
    baseline={**BASELINE, "matching_share": 0.3},
    axes=[Axis("matching", ["none", "stitch", "penultimate", "later"])],
    seeds=5,
    claims=[
        Claim(
            words="Matching penultimate features first makes better stitches than the task loss "
            "alone, in as many epochs",
            measure="score",
            at={"matching": "penultimate"},
            than={"matching": "none"},
            source=REVISITING,
        ),
        Claim(
            words="Matching penultimate features first makes better stitches than matching at the "
            "stitch",
            measure="score",
            at={"matching": "penultimate"},
            than={"matching": "stitch"},
            source=REVISITING,
        ),
        Claim(
            words="Matching in all later blocks first makes better stitches than matching at the "
            "stitch",
            measure="score",
            at={"matching": "later"},
            than={"matching": "stitch"},
            source=FULA,
        ),
    ],
)
