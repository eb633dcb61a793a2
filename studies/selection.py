"""Which stitches are trained: those of windows, or the best of all pairs by some criterion."""

from ablations import Axis, Claim, Study
from studies.experiments.stitching import STITCHING
from studies.overview import BASELINE

KLAS = "KLAS, arXiv 2605.29259"
CRITERIA = ["kl", "random", "residual", "cka", "start_score", "importance"]

STUDY = Study(
    title="Selection of stitches",
    question=(
        "Out of all pairs of blocks, does a criterion choose better stitches before training than "
        "windows offer, as many of them and in the same training, or than chance chooses?"
    ),
    experiment=STITCHING,
    baseline={**BASELINE, "positions": "windows", "selection": "all"},
    axes=[
        Axis(
            "stitches",
            {
                "windows": {"positions": "windows", "selection": "all"},
                # as many as windows offer, which is what `kept` says by default
                **{name: {"positions": "every", "selection": name} for name in CRITERIA},
            },
        )
    ],
    seeds=5,
    claims=[
        Claim(
            words="A budget gets more from stitches chosen by KL divergence than from windows",
            measure="front_area",
            at={"stitches": "kl"},
            than={"stitches": "windows"},
            source=KLAS,
        ),
        Claim(
            words="A budget gets more from stitches chosen by KL divergence than by chance",
            measure="front_area",
            at={"stitches": "kl"},
            than={"stitches": "random"},
            source=KLAS,
        ),
        Claim(
            words="A budget gets more from stitches chosen by the residual of least squares than "
            "by chance",
            measure="front_area",
            at={"stitches": "residual"},
            than={"stitches": "random"},
            source="asked here",
        ),
        Claim(
            words="A budget gets more from stitches chosen by gradients than by chance",
            measure="front_area",
            at={"stitches": "importance"},
            than={"stitches": "random"},
            source="asked here",
        ),
    ],
)
