"""The start of the stitching layers, asked of three tasks in one study."""

from dataclasses import fields

from ablations import Axis, Claim, Study
from snnet.config import StitchingConfig
from snnet.scales import SCALES
from studies.experiments.stitching import STITCHING
from studies.overview import BASELINE

LEAST_SQUARES, KAIMING = "least_squares", "kaiming"
_ASKED = {"images": "lite", "texts": "minilm", "maps": "canvas"}
_SETTINGS = {task: next(iter(SCALES[scale].values())) for task, scale in _ASKED.items()}
# what one task sets, another has by default: nothing of the study's own scale is left
_SET = {name for families in SCALES.values() for one in families.values() for name in one}
_DEFAULTS = {item.name: item.default for item in fields(StitchingConfig) if item.name in _SET}
TASKS = {task: {**_DEFAULTS, **settings, **BASELINE} for task, settings in _SETTINGS.items()}
for _level in TASKS.values():
    del _level["init"]  # it has an axis of its own

WORDS = {
    "images": "classification of images",
    "texts": "classification of texts",
    "maps": "segmentation",
}

STUDY = Study(
    title="One choice in three tasks",
    question=(
        "Is the start of the stitching layers that wins in the classification of images also the "
        "better one for texts and for segmentation?"
    ),
    experiment=STITCHING,
    baseline={**TASKS["images"], "init": LEAST_SQUARES},
    axes=[Axis("task", TASKS), Axis("init", [LEAST_SQUARES, KAIMING])],
    design="factorial",
    seeds=5,
    claims=[
        Claim(
            words=f"{when}, least squares is the better start than Kaiming in {words}",
            measure=measure,
            at={"task": task, "init": LEAST_SQUARES},
            than={"task": task, "init": KAIMING},
            source="asked here",
        )
        for when, measure in (("Before training", "score_before"), ("After it", "score"))
        for task, words in WORDS.items()
    ],
)
