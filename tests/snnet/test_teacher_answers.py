"""Answers that are kept teach as the teacher does, whoever wrote them, and however it ended."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
import torch

from ablations.runs.attempt import Attempt
from helpers.anchors import tiny_anchor
from helpers.stitching import settings
from helpers.training import CONFIG, training, weights
from snnet.anchor_spec import AnchorSpec
from snnet.data.digits import load_digits
from snnet.data.memory import take
from snnet.recipe import Augmentation
from snnet.teacher_answers import Hard, Mark, Soft, answers_for
from snnet.training import Training
from studies.experiments.stitching import STITCHING

TAUGHT = replace(
    CONFIG,
    subnetworks_per_step=2,
    augmentation=Augmentation(degrees=5, mixup=0.8, cutmix=1.0),
    distillation="hard",
    teacher=AnchorSpec("vit-12", "vit_tiny_patch16_224"),
    epochs=2,
)
STEPS = 4  # of an epoch; each has two slices


class Teacher(torch.nn.Module):
    """A network that counts how often it is asked."""

    def __init__(self):
        super().__init__()
        self.network, self.asked = tiny_anchor(12, 7), 0

    def forward(self, images):
        self.asked += 1
        return 3 * self.network(images)


def taught(data, folder=None, shown=2, pause_after=None, **changes):
    """Weights after the epochs that are shown, and how many slices the teacher was asked of.

    Arguments:
        folder: of the answers; without it none are kept.
        pause_after: steps after which it ends instead.
    """
    config = replace(TAUGHT, **changes)
    teacher = Teacher().eval()
    answers = answers_for(config, data, teacher, 10, 1, folder) if folder else None
    run = Training(training(data).network, data, config, teacher=teacher, answers=answers)
    left = iter(range(pause_after or 0))
    for _ in range(shown):
        run.run_epoch(pause=lambda: pause_after is not None and next(left, None) is None)
    assert not answers or answers.asked == teacher.asked
    return weights(run), teacher.asked


def equal(one, other):
    return all(torch.equal(value, other[name]) for name, value in one.items())


def test_hard_answers_teach_bit_for_bit_as_the_teacher(data, tmp_path):
    asked, count = taught(data)
    assert count == 2 * STEPS * 2
    written, first = taught(data, tmp_path)
    read, second = taught(data, tmp_path)
    assert (first, second) == (count, 0)
    assert equal(asked, written)
    assert equal(asked, read)
    files = sorted(tmp_path.glob("answers/*/epoch-*"))
    assert [file.stat().st_size for file in files] == [STEPS * 2 * (8 * 2 + 16)] * 2


def test_a_run_goes_on_where_another_ended(data, tmp_path):
    asked, count = taught(data)
    _, first = taught(data, tmp_path, shown=1, pause_after=2)
    assert first == 3 * 2
    rest, second = taught(data, tmp_path)
    assert second == count - first
    assert equal(asked, rest)


@pytest.mark.parametrize("harm", ["cut", "zeros", "other bytes"])
def test_what_is_torn_is_asked_anew(data, tmp_path, harm):
    asked, _ = taught(data, tmp_path)
    file = min(tmp_path.glob("answers/*/epoch-*"))
    size = file.stat().st_size
    if harm == "cut":
        os.truncate(file, size // 2 - 3)  # three whole slices of eight are left
    else:
        with open(file, "r+b") as opened:
            opened.seek(size // 2 - 3)  # the end of one slice, the beginning of the next
            opened.write(bytes(6) if harm == "zeros" else b"\1\2\3\4\5\6")
    mended, count = taught(data, tmp_path)
    assert count == (5 if harm == "cut" else 2)
    assert equal(asked, mended)
    assert taught(data, tmp_path)[1] == 0


def test_answers_to_other_images_are_not_taken(data, tmp_path):
    """The dataset has the same name, and other images under it."""
    taught(data, tmp_path)
    other = replace(data, train_images=data.train_images.flip(0))
    found, count = taught(other, tmp_path)
    assert count == 2 * STEPS * 2
    assert equal(found, taught(other)[0])


@pytest.mark.parametrize(
    ("changes", "shared"),
    [
        ({"learning_rate": 2e-3, "label_smoothing": 0.0}, True),
        ({"sampling": "sandwich"}, True),
        ({"epochs": 7}, True),
        ({"images_per_epoch": 32}, True),
        ({"seed": 1}, False),
        ({"subnetworks_per_step": 1}, False),
        ({"augmentation": Augmentation(degrees=5, mixup=0.8)}, False),
        ({"distillation": "soft"}, False),
    ],
    ids=str,
)
def test_runs_share_answers_where_they_see_the_same_images(data, tmp_path, changes, shared):
    taught(data, tmp_path)
    _, count = taught(data, tmp_path, **changes)
    assert (count == 0) == shared
    assert len(list(tmp_path.glob("answers/*"))) == (1 if shared else 2)


@pytest.mark.parametrize(("classes", "top"), [(10, 10), (1000, 16), (1000, 1)])
def test_soft_answers_differ_by_what_is_left_out_at_most(classes, top):
    outputs = 4 * torch.randn(64, classes, generator=torch.Generator().manual_seed(0))
    form = Soft(classes, temperature=2.0, top=top)
    kept = form.encode(outputs)
    assert len(kept) == 64 * form.image_bytes
    told, known = (form.decode(kept) / 2).softmax(1), (outputs / 2).softmax(1)
    left = 1 - known.topk(top).values.sum(1)
    difference = (told - known).abs().sum(1)
    assert (difference <= 2 * left + 2**-10).all()
    assert torch.allclose(told.topk(top).values, known.topk(top).values, atol=2**-10)
    assert torch.equal(told.argmax(1), known.argmax(1))


def test_hard_answers_are_classes():
    outputs = torch.randn(5, 1000)
    kept = Hard(1000).encode(outputs)
    assert len(kept) == 10
    assert torch.equal(Hard(1000).decode(kept).argmax(1), outputs.argmax(1))


def test_runs_keep_answers_where_settings_say_so(tmp_path):
    """The second run shares those of the first; its training is what it is without."""
    teacher = settings().anchors[1]
    common = {"distillation": "soft", "teacher": teacher, "batch_size": 32}

    def trained(name, **changes):
        folder = tmp_path / name
        folder.mkdir()
        run = Attempt(folder, tmp_path / "cache", 1)
        return STITCHING.function(settings(**common, **changes), run)

    trained("first", teacher_answers="kept")
    (folder,) = (tmp_path / "cache" / "answers").iterdir()
    before = {file.name: file.stat().st_mtime_ns for file in folder.iterdir()}
    assert sorted(before) == ["epoch-00000", "epoch-00001"]
    kept = trained("second", teacher_answers="kept", sampling="sandwich")
    assert before == {file.name: file.stat().st_mtime_ns for file in folder.iterdir()}
    asked = trained("third", sampling="sandwich")
    assert kept["mean_top1"] == pytest.approx(asked["mean_top1"], abs=0.05)


def test_keys_tell_kept_answers_from_asked_ones():
    base = settings()
    assert STITCHING.key(base) == STITCHING.key(settings(teacher_answers="asked", teacher_top=16))
    kept = settings(teacher_answers="kept")
    fewer = settings(teacher_answers="kept", teacher_top=8)
    assert len({STITCHING.key(one) for one in (base, kept, fewer)}) == 3


def test_more_classes_than_two_bytes_tell_are_refused(data, tmp_path):
    with pytest.raises(ValueError, match="tells 70000 classes apart, and answers are kept of at"):
        answers_for(TAUGHT, data, Teacher(), 70_000, 1, tmp_path)


def test_processes_have_places_of_their_own(tmp_path):
    """Four processes share one slice of 15 images: parts of four and three, side by side."""
    data = take(load_digits(0), 64, 32, 0)
    answers = answers_for(
        replace(TAUGHT, batch_size=15, subnetworks_per_step=1, augmentation=Augmentation()),
        data,
        Teacher(),
        10,
        4,
        tmp_path,
    )
    outputs = torch.randn(15, 10)
    for repeat in range(2):
        for step in range(2):
            for rank in range(4):
                seen = Mark.of(data.train_images[rank:15:4])
                found = answers.of(0, step, rank, seen, lambda rank=rank: outputs[rank::4])
                assert torch.equal(found.argmax(1), outputs[rank::4].argmax(1))
        assert (answers.asked, answers.found) == (8, 8 * repeat)
