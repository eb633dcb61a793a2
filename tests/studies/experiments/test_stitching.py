"""Settings of the stitching experiment."""

from __future__ import annotations

import json
from dataclasses import replace
from math import isnan

import pytest
import timm
import torch
from click.testing import CliRunner
from PIL import Image

from ablations.cli.main import main
from ablations.errors import UserError
from ablations.study.expansion import expand
from studies.direction import STUDY as DIRECTION
from studies.experiments.stitching import STITCHING, check_ready, expected_seconds, fixed
from studies.overview import STUDY as OVERVIEW
from studies.tasks import STUDY as TASKS
from studies.transfer import STUDY as TRANSFER

OPTIONS = {"img_size": 64, "patch_size": 16, "depth": 2, "num_heads": 2, "num_classes": 3}
SETTINGS = {
    "dataset": "flowers",
    "batch_size": 8,
    "calibration_images": 12,
    "epochs": 1,
    "warmup_epochs": 0,
}


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """12 images of three classes to train on, 3 to test."""
    monkeypatch.setenv("SNNET_DATA", str(tmp_path))
    for split, count in (("train", 12), ("val", 3)):
        for n in range(count):
            place = tmp_path / "flowers" / split / "abc"[n % 3]
            place.mkdir(parents=True, exist_ok=True)
            Image.new("L", (70, 80), n).save(place / f"{n}.png")
    return tmp_path / "flowers"


def vits(weights="random", **options):
    return [
        {
            "name": f"vit-{width}",
            "architecture": "vit_tiny_patch16_224",
            "options": {**OPTIONS, "embed_dim": width, **options},
            "weights": str(weights),
        }
        for width in (8, 16)
    ]


def config(anchors=None, **changes):
    return STITCHING.resolve({**SETTINGS, "anchors": anchors or vits(), **changes})


def teacher(**options):
    return {
        "distillation": "hard",
        "teacher": {
            "name": "teacher",
            "architecture": "resnet18",
            "options": {"channels": (8, 8, 8, 8), **options},
            "weights": "random",
        },
    }


@pytest.mark.parametrize(
    ("anchors", "changes", "says"),
    [
        (vits(embed_dims=8), {}, "anchor vit-8 .*: it takes no option 'embed_dims': did you mean"),
        (vits(num_classes=10), {}, "the anchors tell 10 classes apart, dataset flowers has 3"),
        (vits("/nowhere/x.pth"), {}, "anchor vit-8: there is no file /nowhere/x.pth"),
        ([vits()[0], vits(img_size=32)[1]], {}, "different sizes, .*3x64x64.*3x32x32"),
        (vits(), teacher(num_classes=5), "the teacher tells 5 classes apart, the anchors 3"),
        (vits(), teacher(num_classes=3, in_chans=1), "the teacher cannot take images of 3x64x64"),
        (vits(), {"batch_size": 16}, "batch_size is 16, but there are only 12 training images in"),
        (vits(), {"validation_images": 4}, "there are only 8 training"),
        (vits(), {"stages": [3]}, "stages"),
        (vits(), {"dataset": "digits"}, "anchor 0 .* cannot take images of 1x8x8: "),
        (vits(), {"dataset": "flower"}, "did you mean flowers?"),
    ],
)
def test_runs_that_cannot_start_are_refused(folder, anchors, changes, says):
    with pytest.raises(UserError, match=says) as caught:
        check_ready(config(anchors, **changes))
    assert "\n" not in str(caught.value)


def test_what_is_left_out_and_adapted_is_told(folder, tmp_path):
    (folder / "train" / "a" / "notes.txt").touch()
    weights = tmp_path / "weights.pth"
    grey = vits(weights, in_chans=1, img_size=32)[:1] + vits(in_chans=1, img_size=32)[1:]
    state = timm.create_model("vit_tiny_patch16_224", **OPTIONS, embed_dim=8).state_dict()
    torch.save({"state_dict": {f"model.{name}": value for name, value in state.items()}}, weights)
    left_out, adapted = check_ready(config(grey))
    assert "1 of 13 files in" in left_out
    assert "resized pos_embed from 1x17x8 to 1x5x8" in adapted
    assert "from 3 to 1 channels" in adapted
    torch.save({"state_dict": {**state, "head.weight": torch.ones(5, 8)}}, weights)
    (_, adapted) = check_ready(config(vits(weights)[:1] + vits()[1:]))
    assert "it tells 5 classes apart, this run 3" in adapted
    with pytest.raises(UserError, match="a new one would never learn here"):
        check_ready(config(vits(weights)[:1] + vits()[1:], tuning="stitching_layers"))


def test_anchors_that_no_task_taught_are_told():
    told = [
        check_ready(one) for one in expand("transfer", replace(TRANSFER, seeds=1)).configs.values()
    ]
    assert [len(each) for each in told] == [0, 1, 0]  # fine-tuned, straight, from scratch
    assert told[1][0].startswith("vit-6, vit-10, vit-32 begin with random weights")


def test_the_room_of_decoded_images_is_told_before(folder):
    (told,) = check_ready(config(vits(), decoded=True))
    assert told.startswith("dataset flowers: decoded images take about 0.2")
    with pytest.raises(UserError, match="decoded keeps the images of folders, and digits is none"):
        STITCHING.resolve({"dataset": "digits", "decoded": True})


def test_networks_are_looked_at_once_for_each_choice(folder, monkeypatch):
    asked = []
    monkeypatch.setattr("snnet.readiness.check_networks", lambda one: asked.append(one) or [])
    for anchors in (vits(attn_drop_rate=0.1), vits(attn_drop_rate=0.2)):
        for epochs in (1, 2):
            check_ready(config(anchors, epochs=epochs))
    assert len(asked) == 2
    check_ready(next(iter(expand("overview", OVERVIEW).configs.values())))  # the scale's own
    assert len(asked) == 2


def ablate(home, command, anchors):
    chosen = {**SETTINGS, "anchors": json.dumps(anchors), "augmentation": "{}"}
    words = [part for name, value in chosen.items() for part in ("--set", f"{name}={value}")]
    return CliRunner().invoke(main, ["--home", str(home), command, "overview", *words])


@pytest.mark.parametrize(
    ("weights", "says"), [("random", "1 of 13 files in"), ("x.pth", "no file")]
)
def test_a_plan_tells_it_too(folder, tmp_path, weights, says):
    (folder / "train" / "a" / "notes.txt").touch()
    done = ablate(tmp_path / "home", "plan", vits(weights))
    assert done.exit_code == 0, done.output
    assert says in done.output


def test_nothing_starts_where_weights_are_missing(folder, tmp_path):
    done = ablate(tmp_path / "home", "run", vits("/nowhere/x.pth"))
    assert done.exit_code == 2
    assert done.stderr.startswith("ablate: anchor vit-8: there is no file /nowhere/x.pth; weights")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "home" / "runs").exists()


@pytest.mark.parametrize(
    ("dataset", "says"),
    [
        ("tfds/flowers", "the package tensorflow_datasets, which is not installed: pip install"),
        ("wds/nowhere", "no shards [*].tar there; set SNNET_DATA to the directory that holds it"),
        ("nowhere", "no folders train/ and val/ there"),
        ("text/films", "pip download vaderSentiment==3.3.2 --no-deps --no-binary :all: --dest"),
        ("text/nowhere", "there is no train.tsv in .*/nowhere; put it there, tab-separated"),
    ],
)
def test_nothing_starts_where_images_are_missing(folder, dataset, says):
    if dataset.startswith("wds"):
        pytest.importorskip("webdataset", reason="needs webdataset (pip install webdataset)")
        says = says.replace("it", "nowhere/")
    with pytest.raises(UserError, match=says):
        check_ready(config(dataset=dataset))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"calibration_images": ["100000"]}, "at most 719"),
        ({"batch_size": ["5000"]}, "at most 719"),
        ({"anchors": [[]]}, "anchors cannot be"),
        ({"subnetworks_per_step": ["7"]}, "multiple of subnetworks_per_step"),
        ({"distillation": ["hard"]}, "needs a teacher"),
        ({"augmentation": [{"rand_augment": "rand-m9"}]}, "held in memory"),
        ({"training_images": ["16"]}, "batch_size .32. must be at most 16"),
        ({"training_images": ["720"]}, "must be at most 719, all that digits has"),
        ({"test_images": ["809"]}, "must be at most 808, all that digits has"),
        ({"stages": [[99]]}, r"these anchors have stages 0 to 0, not \[99\]"),
        ({"stages": [[-1]]}, "stages.0 cannot be -1"),
        ({"stages": [[0, 0]]}, "names a stage twice"),
        ({"kernel": [10**10]}, "kernel cannot be"),
        ({"split_seed": ["-1"]}, "split_seed cannot be"),
        ({"only": ["9>9"], "sampling": ["random"]}, "there is no route '9>9' to train alone"),
        ({"augmentation": [{"degres": 10}]}, "augmentation has no setting 'degres': did you mean"),
        ({"teacher": [{"name": "a", "architecture": "b", "wieghts": ""}]}, "did you mean weights?"),
        ({"teacher": [{}]}, "teacher needs name"),
        ({"teacher": [{"name": "a/b", "architecture": "b"}]}, "should be one word"),
        ({"dataset": ["digit"]}, "did you mean digits?"),
        ({"dataset": ["text/films"]}, "text/films holds texts, which take no augmentation"),
        ({"dataset": ["canvas"]}, "canvas holds maps, which take no augmentation"),
        ({"dataset": ["imagenet"], "pixels": ["64"]}, "pixels scales images in memory .digits, fa"),
        ({"images_per_epoch": ["8"]}, "images_per_epoch .8. must be at least batch_size .32."),
        ({"dataset": ["abc"]}, "none of those in memory .digits, fashion, .*: timm reads it"),
    ],
)
def test_impossible_stitching_settings_are_refused_before_anything_is_loaded(changes, says):
    with pytest.raises(UserError, match=says):
        expand("overview", OVERVIEW, changes=changes)


def test_stages_of_ready_made_anchors_are_known_without_timm():
    with pytest.raises(UserError, match=r"stages 0 to 3, not \[4\]"):
        expand("overview", OVERVIEW, "imagenet", "swin", changes={"stages": [[4]]})
    deep = [{"name": "a", "architecture": "vit_tiny_patch16_224", "options": {"depth": 10**6}}] * 2
    with pytest.raises(UserError, match="depth should be a whole number from 1 to 200"):
        expand("overview", OVERVIEW, changes={"anchors": [deep]})


def anchors(*specs):
    made = [{"name": "a", "architecture": "resnet18", **spec} for spec in specs]
    return STITCHING.resolve({"anchors": made, "calibration_images": 50})


@pytest.mark.parametrize(
    ("specs", "says"),
    [
        (
            ({"weights": "pretraned"}, {}),
            "there is no file pretraned; did you mean pretrained",
        ),
        (({"architecture": "resnet19"}, {}), "timm has no model 'resnet19': did you mean"),
        (
            ({"options": {"num_class": 3}}, {}),
            "it takes no option 'num_class': did you mean num_classes?",
        ),
        (({"architecture": "poolformer_s12"}, {}), "no anchor adapter for MetaFormer"),
        (
            ({"start": "package:no-such-model"}, {}),
            "no-such-model, which holds its weights, is not installed: pip install no-such-model",
        ),
        (
            ({"architecture": "transformers:package:no-such-model"}, {}),
            "dataset digits and the anchors do not fit: texts, whose names begin with text/",
        ),
        (
            ({"options": {"in_chans": 1}}, {"architecture": "levit_192"}),
            r"anchors must have equally many stages, not \[4, 3\]",
        ),
    ],
)
def test_anchors_that_cannot_be_made_are_told_before_a_launch(specs, says):
    with pytest.raises(UserError, match=says):
        STITCHING.check_ready(anchors(*specs))


def test_ready_made_anchors_need_no_look(monkeypatch):
    monkeypatch.setattr("snnet.readiness.check_networks", lambda config: 1 / 0)
    settings = STITCHING.scale("digits", "vit")[2]
    STITCHING.check_ready(STITCHING.resolve(settings))


@pytest.mark.parametrize(
    ("scale", "changes", "told"),
    [
        ("digits", {}, []),
        ("digits", {"anchor_seed": 0}, ["the weights of the anchors"]),
        ("digits", {"anchor_seed": 0, "pretrained": False}, []),
        ("digits", {"split_seed": 0}, ["the test images"]),
        ("fashion", {}, ["the test images"]),
        ("fashion-small", {}, []),
        ("imagenet", {}, ["the weights of the anchors", "the test images"]),
    ],
)
def test_what_no_seed_draws_is_told(scale, changes, told):
    _, _, settings = STITCHING.scale(scale, None)
    assert fixed(STITCHING.resolve({**settings, **changes})) == told


def test_views_show_the_score_of_the_task():
    def charts(study, scale):
        return [one.metric for one in expand("x", study, scale).plan.presentation.charts]

    assert charts(DIRECTION, "canvas") == ["miou", "miou_before", "loss"]
    assert charts(DIRECTION, "minilm") == ["top1", "top1_before", "loss"]
    assert charts(TASKS, "digits") == ["top1", "top1_before", "loss", "miou", "miou_before"]


IN_MEMORY = ["digits", "fashion", "fashion-small", "lite", "minilm", "canvas"]


@pytest.mark.parametrize("scale", IN_MEMORY)
def test_a_plan_tells_the_time_of_what_is_in_memory(scale):
    """Measured once; that a run of a laptop's scales takes at most 6 minutes is issue 18's."""
    config = next(iter(expand("overview", OVERVIEW, scale=scale).configs.values()))
    seconds = expected_seconds(config)
    assert 0 < expected_seconds(replace(config, epochs=15)) < seconds
    assert seconds < expected_seconds(replace(config, sampling="sandwich"))
    assert seconds < 360 or scale == "fashion"


def test_what_nobody_measured_has_no_time():
    config = next(iter(expand("overview", OVERVIEW, scale="imagenet").configs.values()))
    assert isnan(expected_seconds(config))
