"""Networks that tell of each position go through the same code as others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from ablations.errors import UserError
from ablations.runs.attempt import Attempt
from helpers.families import CONFIG
from helpers.maps import PIXELS, canvases, dense_network, dense_spec, write_map, write_pictures
from snnet.anchor_spec import AnchorSpec
from snnet.anchors import create_anchor
from snnet.checkpoint import resume_training, save_training
from snnet.evaluation import evaluate, sweep
from snnet.export import Subnetwork, export_onnx
from snnet.loading import load
from snnet.recipe import Recipe
from snnet.shared_forward import ALONE, Merge
from snnet.tasks.segmentation import SEGMENTATION
from snnet.training import Training
from studies.experiments.stitching import STITCHING

DATA = canvases()


@pytest.mark.parametrize(
    ("architecture", "options", "pixels", "grid"),
    [
        ("vit_tiny_patch16_224", {"depth": 2, "embed_dim": 24, "img_size": 32}, 32, 2),
        ("resnet18", {}, 64, 2),
        ("tf_efficientnet_lite0", {}, 64, 2),
        ("swin_tiny_patch4_window7_224", {"depths": (1, 1, 1, 1), "embed_dim": 12}, 224, 7),
    ],
)
def test_any_family_tells_of_positions(architecture, options, pixels, grid):
    """At each of them as its own head would if the image had no other."""
    spec = AnchorSpec("one", architecture, {"num_classes": 5, **options})
    torch.manual_seed(0)
    whole = create_anchor(spec).eval()
    dense = create_anchor(replace(spec, head="positions")).eval()
    dense.load_state_dict(whole.state_dict())
    image = torch.randn(2, 3, pixels, pixels)
    with torch.no_grad():
        features = dense.stem(image)
        for block in dense.blocks:
            features = block(features)
        found = dense(image)
        assert found.shape == (2, 5, grid, grid)
        if dense.layout == "tokens":  # the first is the class token's
            alone = features[:, [-1, -1]]
        elif dense.layout == "channels_first":
            alone = features[:, :, -1:, -1:]
        else:
            alone = features[:, -1:, -1:]
        torch.testing.assert_close(found[:, :, -1, -1], whole.head(alone), rtol=1e-4, atol=1e-5)


def test_a_stitch_equals_its_parts():
    network = dense_network()
    images = DATA.normalise(DATA.test_images)
    for number, route in enumerate(network.space.routes):
        if not route.joints:
            continue
        (joint,) = route.joints
        front, back = (network.anchor(n).model for n in (joint.front, joint.back))
        with torch.no_grad():
            features = front.pos_drop(front._pos_embed(front.patch_embed(images)))
            for block in front.blocks[: joint.front_block + 1]:
                features = block(features)
            layer = network.layer(joint)
            features = features @ layer.weight.T + layer.bias
            for block in back.blocks[joint.back_block :]:
                features = block(features)
            rows = back.head(back.norm(features))[:, 1:]
            wanted = rows.transpose(1, 2).reshape(len(images), 11, 4, 4)
            torch.testing.assert_close(network(images, number), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("direction", ["fast_to_slow", "slow_to_fast"])
@pytest.mark.parametrize("merge", [ALONE, Merge(size=1 << 30)])
def test_sweep_equals_one_by_one(direction, merge):
    network = dense_network(direction=direction)
    images = DATA.normalise(DATA.test_images)
    together = sweep(network, images, merge=merge)
    assert together.shape[2:] == (11, 4, 4)
    with torch.no_grad():
        for number, outputs in enumerate(together):
            torch.testing.assert_close(outputs, network(images, number), rtol=1e-4, atol=1e-5)
    scores = evaluate(network, DATA.test_batches(3), task=SEGMENTATION)
    alone = SEGMENTATION.measure(together, DATA.test_labels)
    for one, measured in zip(scores, alone.swapaxes(0, 1), strict=True):
        assert one["miou"] == pytest.approx(SEGMENTATION.summarise(measured, 11)["miou"], abs=1e-3)


def test_costs_are_those_of_the_head_at_each_position():
    network = dense_network()
    for anatomy, anchor in zip(network.anatomies, network.anchors, strict=True):
        width, positions = anchor.model.embed_dim, (PIXELS // 4) ** 2
        # its norm also sees what stands in for the class token
        assert anatomy.head_macs == positions * (width * 11 + 2 * 5 * width)
        assert anatomy.classes == 11


@pytest.mark.parametrize("sampling", ["random", "sandwich"])
def test_resume_is_bit_exact(sampling, tmp_path):
    network = dense_network()
    config = replace(CONFIG, sampling=sampling)
    one = Training(network, DATA, config)
    assert one.run_epoch(pause=lambda: True) is None
    save_training(one, one.state(), tmp_path / "checkpoint")
    metrics = one.run_epoch()
    assert 0 < metrics["train_miou"] < 1
    ended = {name: value.clone() for name, value in network.state_dict().items()}
    two = Training(network, DATA, config)
    resume_training(two, tmp_path / "checkpoint")
    assert two.run_epoch()["train_miou"] == metrics["train_miou"]
    for name, value in network.state_dict().items():
        assert torch.equal(value, ended[name]), name


@pytest.mark.slow
def test_a_stitch_as_onnx(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    network = dense_network()
    path = tmp_path / "one.onnx"
    assert export_onnx(Subnetwork(network, 3), path, network.image_shape) < 1e-4
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    images = DATA.normalise(DATA.test_images)
    (found,) = session.run(None, {"images": images.numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(found, network(images, 3).numpy(), rtol=1e-3, atol=1e-4)


def settings(**changes):
    return STITCHING.resolve(
        {
            "calibration_images": 8,
            "batch_size": 4,
            "epochs": 2,
            "warmup_epochs": 0,
            "learning_rate": 1e-3,
            **changes,
        }
    )


def run(config, directory):
    assert STITCHING.ensure_ready(config) == []
    metrics = STITCHING.function(config, Attempt(directory, directory / "cache", 1))
    content = {"experiment": "stitching", "config": STITCHING.dump(config)}
    (directory / "config.json").write_text(pd.Series(content).to_json())
    return metrics, pd.read_parquet(directory / "stitch.parquet")


def test_a_run_on_canvases(tmp_path):
    options = {"img_size": 24, "num_heads": 2}
    recipe = Recipe(epochs=8, warmup_epochs=1, batch_size=16, learning_rate=1e-2)
    anchors = [
        replace(spec, options={**spec.options, **options}, weights="recipe", recipe=recipe)
        for spec in (dense_spec(8), dense_spec(12))
    ]
    sizes = {"training_images": 100, "test_images": 20}
    config = settings(dataset="canvas-digits", anchors=anchors, **sizes)
    metrics, table = run(config, tmp_path)
    assert metrics["mean_miou"] == pytest.approx(table.miou.mean())
    assert metrics["worst_miou"] == table.miou.min()
    assert table.miou.min() > 1 / 2 / 11  # half of the background's, which most pixels are
    assert {"miou_validation", "miou_before", "pixels", "loss"} <= set(table.columns)
    network = load(tmp_path)
    assert "mIoU" in repr(network)
    assert network.classes == ["background", *map(str, range(10))]
    assert network(network.preprocess(np.zeros((24, 24), np.uint8))).shape == (1, 11, 6, 6)
    assert network.select() == network.stitch


def test_heads_and_datasets_go_together():
    whole = [replace(dense_spec(width), head="whole") for width in (8, 12)]
    with pytest.raises(UserError, match=r"anchor vit-8 tells what whole inputs are.* to positions"):
        settings(dataset="canvas-digits", anchors=whole)
    with pytest.raises(
        UserError, match=r"vit-8 tells what each position of an image is.* to whole"
    ):
        settings(dataset="digits", anchors=[dense_spec(8), dense_spec(12)])


@pytest.fixture
def depths(tmp_path, monkeypatch):
    """Images whose depth is told by their grey: pairs of PNG and of NPY files."""
    monkeypatch.setenv("SNNET_DATA", str(tmp_path))
    for split, count in (("train", 12), ("val", 5)):
        folder = tmp_path / "rooms" / split
        write_pictures(folder / "images", range(count))
        (folder / "depth").mkdir()
        for n in range(count):
            metres = np.full((12, 20), 2.0 + n)
            if n % 2:
                np.save(folder / "depth" / f"{n}.npy", metres)
            else:
                write_map(folder / "depth" / f"{n}.png", (1000 * metres).astype(np.uint16))
    return tmp_path


def test_a_run_on_depths(depths, tmp_path):
    options = {"in_chans": 3}
    anchors = [
        replace(spec, options={**spec.options, **options})
        for spec in (dense_spec(8, 1), dense_spec(12, 1))
    ]
    config = settings(dataset="depth/rooms", anchors=anchors, validation_images=3)
    directory = tmp_path / "run"
    directory.mkdir()
    metrics, table = run(config, directory)
    assert metrics["worst_abs_rel"] == table.abs_rel.max()
    assert {"abs_rel_validation", "abs_rel_before", "rmse", "close"} <= set(table.columns)
    network = load(directory)
    assert network.table.abs_rel_validation[network.stitch] == table.abs_rel_validation.min()
    picture = np.zeros((30, 40, 3), np.uint8)
    assert network(network.preprocess(picture)).shape == (1, 1, 4, 4)
