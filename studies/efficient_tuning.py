"""What of the anchors must be trained: all, nothing, norms, biases, or low-rank updates."""

from ablations import Axis, Claim, Study
from studies.experiments.stitching import STITCHING
from studies.low_rank import ESTA
from studies.overview import BASELINE

LORA = "LoRA, arXiv 2106.09685"
BITFIT = "BitFit, arXiv 2106.10199"
ALONE = {"tuning": "stitching_layers"}

STUDY = Study(
    title="Efficient tuning",
    question=(
        "How few parameters of the anchors must be trained along with the stitching layers, and "
        "is joint training worth it against what needs none: early exits, and the anchors alone?"
    ),
    experiment=STITCHING,
    # the anchors of scale digits are 6 to 32 wide; a rank is to be small against that
    baseline={
        **BASELINE,
        "tuning": "full",
        "tuning_rank": 2,
        "tuning_alpha": 2.0,
        "rivals": True,
    },
    axes=[Axis("tuning", ["full", "low_rank", "norms", "biases", "stitching_layers"])],
    seeds=5,
    claims=[
        Claim(
            words="Low-rank updates make stitches as good as training all weights, within 1 point",
            measure="score",
            at={"tuning": "low_rank"},
            than={"tuning": "full"},
            relation="equivalent",
            margin=1.0,
            source=LORA,
        ),
        Claim(
            words="Low-rank updates of the anchors make better stitches than training the "
            "stitching layers alone",
            measure="score",
            at={"tuning": "low_rank"},
            than=ALONE,
            source=ESTA,
        ),
        Claim(
            words="Training the anchors' biases, too, is better than the stitching layers alone",
            measure="score",
            at={"tuning": "biases"},
            than=ALONE,
            source=BITFIT,
        ),
        Claim(
            words="Training the anchors' norms, too, is better than the stitching layers alone",
            measure="score",
            at={"tuning": "norms"},
            than=ALONE,
            source="asked here",
        ),
    ],
)
