"""The saving of a grid: what is shown, what of it differs, and how much work that spares."""

from __future__ import annotations

from dataclasses import replace
from statistics import mean

import pytest
import torch

from helpers.anchors import SHAPE
from helpers.stitching import settings
from snnet.anchors import create_anchor
from snnet.costs import count_macs
from snnet.network import stitch_for
from snnet.teacher_saving import saving_of
from studies.experiments.savings import savings

WIDE = {
    "name": "teacher",
    "architecture": "vit_tiny_patch16_224",
    "options": {**settings().anchors[1].options, "embed_dim": 64},
    "weights": "random",
}
TAUGHT = settings(distillation="hard", teacher=WIDE, epochs=4)  # 128 images an epoch


def test_runs_of_the_same_images_ask_once():
    grid = [
        TAUGHT,
        replace(TAUGHT, learning_rate=2e-3, epochs=6),  # the longest counts
        replace(TAUGHT, seed=1),
        replace(TAUGHT, matching="later", matching_share=0.5),  # half of the epochs ask nobody
        replace(TAUGHT, distillation="none"),
    ]
    found = saving_of(grid)
    assert (found.runs, found.shown) == (4, 128 * (4 + 6 + 4 + 2))
    assert found.different == 128 * (6 + 4)
    assert found.bytes == 2 * found.different
    with torch.device("meta"):  # where attention is counted
        anchors = [create_anchor(spec) for spec in TAUGHT.anchors]
        student = 3 * mean(macs for macs, _ in stitch_for(TAUGHT, anchors, SHAPE).costs())
        teacher, _ = count_macs(create_anchor(TAUGHT.teacher).model.eval(), torch.zeros(1, *SHAPE))
    ratio = (18 * student + 16 * teacher) / (18 * student + 10 * teacher)
    assert found.ratio == pytest.approx(ratio)
    assert found.ratio > 1.1


def test_a_sandwich_is_dearer_so_the_teacher_weighs_less():
    plain, sandwich = (
        saving_of([replace(TAUGHT, sampling=name)] * 2) for name in ("random", "sandwich")
    )
    assert 1 < sandwich.ratio < plain.ratio


def test_soft_answers_take_what_their_classes_take():
    assert saving_of([replace(TAUGHT, distillation="soft")]).bytes == 4 * 128 * 4 * 10
    top = replace(TAUGHT, distillation="soft", teacher_top=3)
    assert saving_of([top]).bytes == 4 * 128 * 4 * 3


def test_the_sentence_tells_what_would_be_and_what_is():
    kept = replace(TAUGHT, teacher_answers="kept")
    (would,) = savings([TAUGHT, TAUGHT])
    (done,) = savings([kept, kept])
    shown = "Teacher: 2 runs show it 1,024 images, 512 different. "
    assert would.startswith(f"{shown}With teacher_answers=kept, training would take 1.")
    assert done.startswith(f"{shown}Its answers are kept: training takes 1.")
    assert would.endswith(
        " times less work (MACs) than when it is asked of all, for 0.00102 MB on disk."
    )
    assert savings([settings()]) == []


def test_without_the_images_it_counts_epochs(monkeypatch, tmp_path):
    monkeypatch.setenv("SNNET_DATA", str(tmp_path))
    from studies.experiments.stitching import STITCHING

    options = {"embed_dim": 8, "depth": 2, "num_heads": 2, "img_size": 32}
    vit = {"architecture": "vit_tiny_patch16_224", "options": options, "weights": "random"}
    far = STITCHING.resolve(
        {
            "dataset": "elsewhere",
            "anchors": [{"name": name, **vit} for name in ("a", "b")],
            "distillation": "hard",
            "teacher": {"name": "c", **vit},
            "epochs": 7,
        }
    )
    (told,) = savings([far, replace(far, learning_rate=0.1)])
    assert told.startswith("Teacher: 2 runs show it 14 epochs, 7 different. With")
    assert told.endswith("asked of all.")
