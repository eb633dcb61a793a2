"""Anchors are trained once, and kept."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from helpers.stitching import CONFIG, settings
from snnet.anchor_spec import AnchorSpec
from snnet.anchors import create_anchor
from snnet.errors import CheckpointError
from snnet.experiment import anchor_specs
from snnet.pretraining import cache_path, pretrained_anchors
from snnet.recipe import Recipe

SPECS = [
    AnchorSpec(
        f"vit-{width}",
        "vit_tiny_patch16_224",
        {
            "img_size": 8,
            "patch_size": 2,
            "in_chans": 1,
            "num_classes": 10,
            "depth": 2,
            "embed_dim": width,
            "num_heads": 2,
        },
        recipe=Recipe(epochs=2, warmup_epochs=1, batch_size=16),
    )
    for width in (8, 16)
]


def want_anchors(cache, data, said):
    torch.set_num_threads(1)
    pretrained_anchors(SPECS, "digits", data, cache, said.append)


@pytest.mark.slow
def test_two_processes_train_each_anchor_once(data, tmp_path):
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        said = manager.list()
        workers = [
            context.Process(target=want_anchors, args=(tmp_path, data, said)) for _ in range(2)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(120)
        assert [worker.exitcode for worker in workers] == [0, 0]
        epochs = sorted(line for line in said if "epoch" in line)
    assert epochs == sorted(f"anchor vit-{w}: epoch {e}/2" for w in (8, 16) for e in (1, 2))
    again = []
    anchors = pretrained_anchors(SPECS, "digits", data, tmp_path, again.append)
    assert not again
    assert [anchor.model.embed_dim for anchor in anchors] == [8, 16]


@pytest.mark.parametrize(
    ("options", "rate", "wanted"),
    [({}, 0.0, 0.0), ({}, 0.3, 0.3), ({"drop_path_rate": 0.2}, 0.0, 0.2)],
)
def test_drop_path_is_the_runs_also_where_it_is_zero(tmp_path, options, rate, wanted):
    swin = {"img_size": 32, "window_size": 4, "embed_dim": 8, "depths": (2, 2), "num_heads": (1, 2)}
    spec = AnchorSpec("swin", "swin_tiny_patch4_window7_224", {**swin, **options}, "random")
    (anchor,) = pretrained_anchors([spec], "none", None, tmp_path, print, rate)
    rates = [getattr(one, "drop_prob", 0.0) for one in anchor.modules() if "Drop" in str(type(one))]
    assert max(rates, default=0.0) == pytest.approx(wanted)


def test_a_damaged_anchor_of_the_cache_is_named(data, tmp_path):
    path = cache_path(SPECS[0], "digits", tmp_path)
    path.parent.mkdir()
    path.write_bytes(b"torn")
    with pytest.raises(CheckpointError, match=f"{path} is a damaged safetensors file"):
        pretrained_anchors(SPECS[:1], "digits", data, tmp_path, print)


def test_the_cache_tells_recipes_apart(tmp_path):
    other = replace(SPECS[0], recipe=replace(SPECS[0].recipe, epochs=3))
    paths = {cache_path(spec, "digits", tmp_path) for spec in (*SPECS, other)}
    assert len(paths) == 3


def test_a_recipe_begins_with_the_weights_that_its_start_names(data, tmp_path):
    """Fine-tuning is cached by what the file holds; without a start names stay what they were."""
    other = create_anchor(replace(SPECS[0], weights="random"))
    file = tmp_path / "start.safetensors"
    save_file(other.model.state_dict(), file)
    recipe = Recipe(epochs=1, warmup_epochs=0, batch_size=16, learning_rate=1e-9, weight_decay=0)
    spec = replace(SPECS[0], recipe=recipe, start=str(file))
    (anchor,) = pretrained_anchors([spec], "digits", data, tmp_path, print)
    for name, tensor in other.state_dict().items():
        torch.testing.assert_close(anchor.state_dict()[name], tensor, atol=1e-5, rtol=0)
    first = cache_path(spec, "digits", tmp_path)
    assert first.is_file()
    save_file({**other.model.state_dict(), "cls_token": other.model.cls_token.detach() + 1}, file)
    assert cache_path(spec, "digits", tmp_path) != first
    # of versions that knew no start
    assert cache_path(SPECS[0], "digits", tmp_path).stem == "vit-8-9f3bf41aa3285d47"


def test_a_start_that_is_nowhere_is_told(data, tmp_path):
    spec = replace(SPECS[0], start="package:no-such-model")
    with pytest.raises(CheckpointError, match=r"not installed: pip install no-such-model"):
        pretrained_anchors([spec], "digits", data, tmp_path, print)
    with pytest.raises(ValueError, match="start is what its recipe begins with"):
        replace(SPECS[0], start="recipe")


def test_anchors_that_are_not_fine_tuned_are_what_recipes_begin_with():
    config = settings(anchors=[{**one, "weights": "recipe"} for one in CONFIG["anchors"]])
    assert {spec.weights for spec in anchor_specs(config)} == {"recipe"}
    started = [replace(spec, start="package:some") for spec in config.anchors]
    straight = anchor_specs(replace(config, anchors=tuple(started), fine_tuned=False))
    assert {spec.weights for spec in straight} == {"package:some"}
    scratch = anchor_specs(replace(config, anchors=tuple(started), pretrained=False))
    assert {spec.weights for spec in scratch} == {"random"}
