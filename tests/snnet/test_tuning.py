"""What is trained of the anchors."""

from __future__ import annotations

import json

import pandas as pd
import pytest
import torch
from torch import nn

from ablations.runs.attempt import Attempt
from helpers.families import family, family_anchors
from helpers.stitching import settings
from helpers.training import CONFIG, training, weights
from snnet.anchors import Anchor
from snnet.checkpoint import resume_training, save_training
from snnet.config import StitchingConfig
from snnet.data.catalogue import load_data
from snnet.evaluation import evaluate, sweep
from snnet.loading import load
from snnet.network import stitch
from snnet.readiness import check_networks
from snnet.tuning import merge_updates, tune
from studies.experiments.stitching import STITCHING

CHANGED = {
    "full": lambda name: True,
    "stitching_layers": lambda name: name.startswith("layers."),
    "norms": lambda name: name.startswith("layers.") or ".norm" in name,
    "biases": lambda name: name.startswith("layers.") or name.endswith(".bias"),
    "low_rank": lambda name: name.startswith("layers.") or name.endswith((".up", ".down")),
}
LOW = {"tuning": "low_rank", "tuning_rank": 3, "tuning_alpha": 6.0, "warmup_epochs": 0}


def tuned(network, tuning, **changes):
    tune(network, StitchingConfig(tuning=tuning, **changes))
    return [name for name, value in network.anchors.named_parameters() if value.requires_grad]


@pytest.mark.parametrize("tuning", CHANGED)
def test_training_changes_what_is_tuned_and_nothing_else(data, tuning):
    run = training(data, tuning=tuning, warmup_epochs=0)
    before = weights(run)
    for _ in range(3):
        run.run_epoch()
    changed = {name for name, value in weights(run).items() if not torch.equal(before[name], value)}
    assert changed
    assert all(CHANGED[tuning](name) for name in changed)
    missed = {name for name in before if CHANGED[tuning](name)} - changed
    assert not {name for name in missed if "blocks" in name}
    counts = run.network.trained_params()
    assert (counts[0] > 0) == (tuning != "stitching_layers")
    costs = run.network.costs()
    assert (tuning == "full") == all(
        params == trained for (_, params), trained in zip(costs, counts, strict=True)
    )


@pytest.mark.parametrize("name", ["resnet", "swin", "convnext", "levit"])
def test_norms_of_every_family_are_found(name):
    network = family(name)
    trained = tuned(network, "norms")
    assert trained
    sizes = {value.ndim for value in network.anchors.parameters() if value.requires_grad}
    assert sizes == {1}


@pytest.mark.parametrize("name", ["deit", "swin", "resnet", "convnext", "efficientnet", "levit"])
def test_low_rank_updates_what_is_linear_in_the_blocks_of_every_family(name):
    network = family(name)
    shape, before = network.image_shape, network.costs()
    images = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    expected = network.eval()(images, 0)
    trained = tuned(network, "low_rank", tuning_rank=2)
    assert {one.rpartition(".")[2] for one in trained} == {"up", "down"}
    for number in range(len(network.anchors)):
        anchor = network.anchor(number)
        inside = {id(p) for block in anchor.blocks for p in block.parameters()}
        assert any(id(p) in inside for p in anchor.parameters() if p.requires_grad)
        assert all(id(p) in inside for p in anchor.parameters() if p.requires_grad)
    assert torch.equal(network(images, 0), expected)  # an update begins as nothing
    assert network.costs() == before


def test_trained_parameters_by_hand(data):
    run = training(data, **LOW)
    narrow, wide = (3 * (3 * (w + 3 * w) + 3 * (w + w) + 2 * 3 * (w + 4 * w)) for w in (8, 12))
    routes = run.network.space.routes
    counts = dict(zip([route.name for route in routes], run.trained_params, strict=True))
    assert (counts["0"], counts["1"]) == (narrow, wide)
    # one block of the first, two of the second, a stitching layer with its bias
    assert counts["0.0>1.1"] == narrow // 3 + 2 * wide // 3 + 8 * 12 + 12
    layers = sum(p.numel() for p in run.network.layers.parameters())
    assert run.all_trained_params == narrow + wide + layers


def test_updates_are_merged_into_weights_that_were_frozen_until_then(data):
    run = training(data, **LOW)
    before = weights(run)
    run.run_epoch()
    trained = weights(run)
    frozen = [name for name in before if name.endswith("original")]
    assert len(frozen) == 2 * 3 * 4
    assert all(torch.equal(before[name], trained[name]) for name in frozen)
    images = data.test_images
    apart = sweep(run.network.eval(), images)
    plain = training(data).network.state_dict()
    run.finish()
    merged = weights(run)
    assert merged.keys() == plain.keys()
    assert [type(m) for m in run.network.modules()] == [
        type(m) for m in training(data).network.modules()
    ]
    torch.testing.assert_close(sweep(run.network, images), apart, rtol=0, atol=1e-6)
    for name in frozen:
        module = name.removesuffix(".parametrizations.weight.original")
        update = f"{module}.parametrizations.weight.0"
        change = 2.0 * trained[f"{update}.up"] @ trained[f"{update}.down"]  # 6 / 3
        assert change.abs().max() > 0
        torch.testing.assert_close(merged[f"{module}.weight"], before[name] + change)


def test_draws_of_updates_depend_on_the_seed_alone(data):
    def downs(**changes):
        found = weights(training(data, **LOW, **changes))
        return torch.cat([v.flatten() for name, v in found.items() if name.endswith(".down")])

    first = downs()
    torch.randn(3)
    assert torch.equal(downs(), first)
    assert not torch.equal(downs(seed=1), first)


def test_updates_decay_as_weights_do(data):
    run = training(data, **LOW)
    names = {id(value): name for name, value in run.network.named_parameters()}
    decayed = {
        names[id(value)]: group["weight_decay"]
        for group in run.optimizer.param_groups
        for value in group["params"]
    }
    ours = {name: decay for name, decay in decayed.items() if name.startswith("anchors.")}
    assert set(ours.values()) == {CONFIG.weight_decay}
    assert all(name.endswith((".up", ".down")) for name in ours)


def test_resumed_low_rank_training_ends_with_the_same_bits(data, tmp_path):
    whole = training(data, **LOW, drop_path=0.2)
    first = training(data, **LOW, drop_path=0.2)
    for _ in range(2):
        whole.run_epoch()
    stops = iter([False, False, True])
    first.run_epoch(lambda: next(stops))
    assert first.step == 3
    save_training(first, first.state(), tmp_path / "checkpoint")
    second = training(data, **LOW, drop_path=0.2)
    resume_training(second, tmp_path / "checkpoint")
    while second.epoch < 2:
        second.run_epoch()
    for run in (whole, second):
        run.finish()
    expected, found = weights(whole), weights(second)
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_what_is_kept_is_merged_and_found_by_another_attempt(tmp_path):
    """One that ended between its training and its result is not trained again."""
    config = settings(tuning="low_rank", tuning_rank=2, epochs=1, warmup_epochs=0)
    STITCHING.function(config, Attempt(tmp_path, tmp_path / "cache", 1))
    first = pd.read_parquet(tmp_path / "stitch.parquet")
    content = {"experiment": "stitching", "schema": STITCHING.schema}
    content["config"] = STITCHING.dump(config)
    (tmp_path / "config.json").write_text(json.dumps(content))
    data, found = load_data(config), load(tmp_path)
    scores = evaluate(found.network, data.test_batches(64))
    assert [score["loss"] for score in scores] == pytest.approx(first.loss.tolist(), abs=1e-6)
    assert not first.loss.equals(first.loss_before)
    STITCHING.function(config, Attempt(tmp_path, tmp_path / "cache", 2))
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "stitch.parquet"), first)


class Bare(Anchor):
    """An anchor without anything linear."""

    head_modules = ()

    def __init__(self, classes: int) -> None:
        model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3, padding=1))
        super().__init__(model, [[nn.Conv2d(4, 4, 3, padding=1), model[1]]])
        self.layout, self.last = "channels_first", nn.Linear(4, classes)

    def stem(self, inputs):
        return self.model[0](inputs)

    def head(self, features):
        return self.last(features.mean((2, 3)))


def test_anchors_without_linear_blocks_are_refused_and_left_as_they_are():
    network = stitch([Bare(3), Bare(3)], (1, 8, 8), kernel=1)
    with pytest.raises(ValueError, match=r"^anchor 0 \(.*\) has neither linear layers nor 1x1"):
        tuned(network, "low_rank")


def test_merging_what_was_not_updated_changes_nothing():
    anchors, _, _ = family_anchors("deit")
    before = {name: value.clone() for name, value in anchors[0].state_dict().items()}
    merge_updates(anchors[0])
    assert list(before) == list(anchors[0].state_dict())
    assert all(torch.equal(before[n], value) for n, value in anchors[0].state_dict().items())


def test_networks_are_checked_for_it_before_a_run_starts():
    assert check_networks(settings(tuning="low_rank")) == []
