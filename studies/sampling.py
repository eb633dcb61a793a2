"""One random stitch a step, or the sandwich rule with inplace distillation."""

from ablations import Axis, Claim, Study
from studies.experiments.stitching import STITCHING
from studies.overview import BASELINE, PAPER

RANDOM = {"sampling": "random"}

STUDY = Study(
    title="Sampling rule",
    question=(
        "Does the sandwich rule with inplace distillation train better stitches than one random "
        "stitch a step, for the same images or for the same sub-network passes?"
    ),
    experiment=STITCHING,
    baseline={**BASELINE, "sandwich_random": 1},
    axes=[
        Axis(
            "sampling",
            {
                "random": {"sampling": "random", "epochs": 50},
                # every stitch between the anchors is drawn as often, so the updates are equal, too
                "sandwich, equal images": {"sampling": "sandwich", "epochs": 50},
                # three passes a step, which take three times as long (docs/results.md): so the
                # seconds are equal, too
                "sandwich, equal passes": {"sampling": "sandwich", "epochs": 17},
            },
        )
    ],
    seeds=10,
    claims=[
        Claim(
            words="For the same sub-network passes, and the same time, random sampling is at most "
            "1 point worse",
            measure="score",
            at=RANDOM,
            than={"sampling": "sandwich, equal passes"},
            margin=-1.0,
            source=PAPER,
        ),
        Claim(
            words="For the same images and updates of each stitch, a third of the passes, random "
            "sampling is at most 1 point worse",
            measure="score",
            at=RANDOM,
            than={"sampling": "sandwich, equal images"},
            margin=-1.0,
            source=PAPER,
        ),
    ],
)
