"""The experiment: settings that take something away, and what each run keeps."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch

from ablations.runs.attempt import Attempt
from helpers.stitching import settings
from snnet.data.catalogue import load_data
from snnet.data.digits import load_digits
from snnet.data.memory import take
from snnet.experiment import prepare
from snnet.loading import load
from studies.experiments.stitching import STITCHING


def test_one_route_alone_is_trained_scored_and_loaded(tmp_path):
    config = settings(only="0.1>1.2", pretrained=False, init="kaiming")
    run = Attempt(tmp_path, tmp_path / "cache", 1)
    metrics = STITCHING.function(config, run)
    table = pd.read_parquet(tmp_path / "stitch.parquet")
    assert table.route.tolist() == ["0.1>1.2"]
    assert table.visits.tolist() == [metrics["passes"]] == [2 * (128 // 32)]
    assert "anchor_change_top1" not in metrics
    content = {"experiment": "stitching", "schema": STITCHING.schema}
    (tmp_path / "config.json").write_text(
        pd.Series({**content, "config": STITCHING.dump(config)}).to_json()
    )
    assert load(tmp_path).table.route.tolist() == ["0.1>1.2"]


def test_the_seed_draws_anchors_and_split_unless_they_are_fixed(tmp_path):
    def weights(**changes):
        _, network = prepare(settings(**changes), Attempt(tmp_path, tmp_path / "cache", 1))
        return torch.cat([parameter.flatten() for parameter in network.anchors.parameters()])

    for pretrained in (True, False):
        one = weights(pretrained=pretrained, seed=0)
        assert torch.equal(one, weights(pretrained=pretrained, seed=0))
        assert not torch.equal(one, weights(pretrained=pretrained, seed=1))
        fixed = {"pretrained": pretrained, "anchor_seed": 0, "split_seed": 0}
        assert torch.equal(one, weights(**fixed, seed=1))

    def tested(**changes):
        return load_data(settings(**changes)).test_ids.tolist()

    assert tested(seed=1) == tested(seed=1, anchor_seed=0) == tested(seed=0, split_seed=1)
    assert tested(seed=1) != tested(seed=0)


def test_the_table_tells_which_images_its_bits_are_of(tmp_path):
    kept = []
    for seed in (0, 1):
        (place := tmp_path / str(seed)).mkdir()
        STITCHING.function(settings(seed=seed, epochs=1, warmup_epochs=0, test_images=40),
                           Attempt(place, tmp_path / "cache", 1))  # fmt: skip
        (images,) = pd.read_parquet(place / "stitch.parquet").images.unique()
        kept.append(np.frombuffer(images, "<i4"))
    data = take(load_digits(1), 64, 40, 1)
    assert kept[1].tolist() == data.test_ids.tolist()
    assert kept[0].tolist() != kept[1].tolist()


def test_held_back_images_are_scored_apart(tmp_path):
    data = load_digits(0)
    images, labels = data.validation
    assert (len(images), len(labels)) == (270, 270)
    seen = {image.numpy().tobytes() for image in torch.cat([data.train_images, data.test_images])}
    assert sum(image.numpy().tobytes() in seen for image in images) < 2  # but for chance twins
    assert len(take(data, 64, 32, 0).validation[0]) == 32
    run = Attempt(tmp_path, tmp_path / "cache", 1)
    STITCHING.function(settings(epochs=4), run)
    table = pd.read_parquet(tmp_path / "stitch.parquet")
    assert table.top1_validation.between(0, 1).all()
    assert not table.top1_validation.equals(table.top1)
    rungs = {rung: pd.read_parquet(tmp_path / f"validation-{rung}.parquet") for rung in (10, 50)}
    assert rungs[50].route.tolist() == table.route.tolist()
    assert rungs[50].macs.tolist() == table.macs.tolist()
    entries = [json.loads(line) for line in (tmp_path / "progress-1.jsonl").open()]
    logged = {
        one["step"]: one["metrics"].get("validation_top1") for one in entries if "step" in one
    }
    means = [rungs[rung].top1_validation.mean() for rung in (10, 50)]
    assert [logged[epoch] for epoch in (1, 2, 3, 4)] == [*map(pytest.approx, means), None, None]


def test_latency_of_every_sub_network_is_kept(tmp_path):
    metrics = STITCHING.function(settings(epochs=2), Attempt(tmp_path, tmp_path / "cache", 1))
    stitches = pd.read_parquet(tmp_path / "stitch.parquet")
    table = pd.read_parquet(tmp_path / "latency.parquet")
    assert table.index.equals(stitches.index)
    assert (table.latency_low > 0).all()
    assert table.latency.between(table.latency_low, table.latency_high).all()
    assert not (tmp_path / "rival.parquet").exists()  # not asked for
    anchors = stitches[stitches.is_anchor].params.sum()
    assert anchors < metrics["stored_params"] < stitches.params.sum()
