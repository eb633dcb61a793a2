"""Sub-networks that need no joint training."""

from __future__ import annotations

from itertools import pairwise

import pandas as pd
import pytest
import torch

from ablations.runs.attempt import Attempt
from helpers.anchors import SHAPE, tiny_anchor
from helpers.families import family
from helpers.stitching import settings
from snnet.evaluation import evaluate, sweep
from snnet.layers import LayerChoice
from snnet.network import StitchedNetwork, stitch
from snnet.rivals import kind_of, rivals_of
from snnet.routes import Joint, Route
from snnet.space import Layer, Space
from studies.experiments.stitching import STITCHING


def by_kind(rivals):
    found = {}
    for number, route in enumerate(rivals.space.routes):
        found.setdefault(kind_of(route), []).append(number)
    return found


def test_early_exits_are_blocks_of_the_last_anchor_and_its_head(network, images):
    rivals = rivals_of(network)
    outputs = sweep(rivals.eval(), images)
    kinds = by_kind(rivals)
    assert list(map(len, (kinds["anchor"], kinds["early_exit"]))) == [3, 2]
    assert "patch" not in kinds  # no two anchors are equally wide
    last = network.anchor(2).eval()
    with torch.no_grad():
        features = last.stem(images)
        for exit_, block in zip(kinds["early_exit"], last.blocks[:2], strict=True):
            features = block(features)
            torch.testing.assert_close(outputs[exit_], last.head(features))
        torch.testing.assert_close(outputs[2], last(images))


def test_leaving_after_all_blocks_is_the_anchor_itself(images):
    left = Route(0, (Joint(0, 2, 0, 3),))
    space = Space(((3,),), (Route(0), left), (Layer(0, 0, ((2, 3),)),))
    network = StitchedNetwork([tiny_anchor(8, 0)], space, SHAPE, LayerChoice("identity"))
    anchor, exited = sweep(network.eval(), images)
    torch.testing.assert_close(exited, anchor)


def test_patching_an_anchor_with_its_twin_gives_the_anchor(images):
    network = stitch([tiny_anchor(8, 0), tiny_anchor(8, 0)], SHAPE, positions="aligned")
    rivals = rivals_of(network)
    outputs = sweep(rivals.eval(), images)
    patches = by_kind(rivals)["patch"]
    assert len(patches) == len(network.space.routes) - 2
    for number in patches:
        torch.testing.assert_close(outputs[number], outputs[0])
    assert rivals.costs()[patches[0]] == rivals.costs()[0]  # no layer in between


def test_patches_are_only_where_widths_agree():
    anchors = [tiny_anchor(w, w) for w in (8, 12, 12)]
    network = stitch(anchors, SHAPE, kernel=1, pairs="all")
    rivals = rivals_of(network)
    patched = {rivals.space.routes[n].anchors for n in by_kind(rivals)["patch"]}
    assert patched == {(1, 2)}


@pytest.mark.parametrize("name", ["swin", "resnet", "convnext"])
def test_stages_are_left_early_in_step(name):
    """An exit for each block of the deepest stage but one, each costlier than the one before."""
    network = family(name)
    rivals = rivals_of(network)
    exits = by_kind(rivals)["early_exit"]
    stages = network.space.stages[-1]
    assert len(exits) == max(stages) - 1
    macs = [rivals.costs()[n][0] for n in exits]
    assert all(one < other for one, other in pairwise(macs))
    anchor = rivals.costs()[len(network.anchors) - 1]
    assert macs[-1] < anchor[0] == network.costs()[len(network.anchors) - 1][0]
    images = torch.randn(2, *network.image_shape)
    assert torch.isfinite(sweep(rivals.eval(), images)).all()


def test_each_stage_keeps_as_large_a_share_rounded_up():
    network = family("swin")
    assert network.space.stages[-1] == (2, 4)
    routes = rivals_of(network).space.routes
    exits = [route.name for route in routes if kind_of(route) == "early_exit"]
    assert exits == ["2.0>2.2 2.2>2.6", "2.0>2.2 2.3>2.6", "2.4>2.6"]


def test_scoring_rivals_leaves_the_network_as_it_was(network, data):
    network.train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    modes = [module.training for module in network.modules()]
    evaluate(rivals_of(network), data.test_batches(32))
    assert [module.training for module in network.modules()] == modes
    assert all(torch.equal(before[n], value) for n, value in network.state_dict().items())


def test_a_run_keeps_its_rivals_scored_as_it_begins(tmp_path):
    config = settings(rivals=True, epochs=1, warmup_epochs=0, tuning="low_rank", tuning_rank=2)
    metrics = STITCHING.function(config, Attempt(tmp_path, tmp_path / "cache", 1))
    rivals = pd.read_parquet(tmp_path / "rival.parquet")
    stitches = pd.read_parquet(tmp_path / "stitch.parquet")
    assert rivals.index.name == "rival"
    assert rivals.kind.tolist() == ["anchor"] * 2 + ["early_exit"] * 2
    assert rivals.route.tolist() == ["0", "1", "1.0>1.3", "1.1>1.3"]
    anchors = stitches[stitches.is_anchor]
    assert rivals.top1[:2].tolist() == anchors.top1_before.tolist()
    assert rivals.macs[:2].tolist() == anchors.macs.tolist()
    assert rivals.params[:2].tolist() == anchors.params.tolist()
    assert anchors.trained_params.tolist() == [3 * 2 * (4 + 2 + 10) * w for w in (8, 16)]
    assert anchors.trained_params.sum() < metrics["trained_params"] < metrics["stored_params"]
