"""CUDA graphs of blocks, with graphs made on the CPU, which overwrite memory as a GPU's do."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from helpers.families import CONFIG, family, images_for
from helpers.training import training, weights
from snnet.captured import CapturedBlocks
from snnet.training import Training


class Graph:
    """Runs a block in memory of its own, which each run overwrites, as a CUDA graph does.

    What came of an earlier run is gone, and so is what its gradients need.
    """

    def __init__(self, block: nn.Module, features: torch.Tensor) -> None:
        self.block, self.place, self.runs = block, features, 0
        self.parameters = [p for p in block.parameters() if p.requires_grad]
        for _ in range(3):  # a GPU warms up
            self.made = block(features)
        self.given = self.made.detach().clone()

    def __call__(self, features: torch.Tensor) -> torch.Tensor:
        self.runs += 1
        return Replay.apply(self, features, *self.parameters)


class Replay(torch.autograd.Function):
    @staticmethod
    def forward(context, graph, features, *parameters):
        context.graph = graph
        graph.place.detach().copy_(features)
        with torch.enable_grad():
            graph.made = graph.block(graph.place)
        return graph.given.copy_(graph.made.detach()).detach()

    @staticmethod
    def backward(context, gradient):
        graph, place = context.graph, context.graph.place
        wanted = ([place] if place.requires_grad else []) + graph.parameters
        gradients = list(torch.autograd.grad(graph.made, wanted, gradient, allow_unused=True))
        return None, gradients.pop(0) if place.requires_grad else None, *gradients


@pytest.fixture
def graphs():
    """All that are made, in order, with what makes them."""
    made = []

    def capture(block, features):
        made.append(Graph(block, features))
        return made[-1]

    return made, capture


def capturing(run, capture):
    run.acceleration.captured = CapturedBlocks(run.network, capture)
    return run


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"drop_path": 0.3},
        {"sampling": "sandwich"},
        {"subnetworks_per_step": 2},
        {"matching": "stitch", "matching_share": 0.25},
        {"tuning": "stitching_layers"},
        {"direction": "both", "returns": 1, "positions": "aligned"},
    ],
    ids=lambda changes: ",".join(map(str, changes.values())) or "plain",
)
def test_training_with_graphs_is_training(data, graphs, changes):
    """To the last bit: the same operations, which draw the same."""
    made, capture = graphs
    plain, captured = training(data, **changes), capturing(training(data, **changes), capture)
    for _ in range(2):
        one, other = plain.run_epoch(), captured.run_epoch()
        loss = "loss" if "loss" in one else "matching_loss"
        assert other[loss] == one[loss]
    expected = weights(plain)
    for name, value in weights(captured).items():
        assert torch.equal(value, expected[name]), name
    assert any(graph.runs for graph in made)


@pytest.mark.parametrize("name", ["resnet", "swin", "efficientnet", "convnext", "levit"])
def test_other_families(name, graphs):
    """Running statistics of batch norms count what training sees, and no rehearsal."""
    made, capture = graphs
    ended = []
    for captures in (False, True):
        network = family(name)
        run = Training(network, images_for(network), replace(CONFIG, subnetworks_per_step=1))
        if captures:
            capturing(run, capture)
        run.run_epoch()
        ended.append(weights(run))
    assert any(graph.runs for graph in made)
    for key, value in ended[0].items():
        assert torch.equal(ended[1][key], value), key


@pytest.fixture
def blocks(network, images, graphs):
    network.train()
    captured = CapturedBlocks(network, graphs[1])
    captured.rehearse(images)
    return captured


def test_each_block_has_one_graph(network, graphs, blocks):
    """57 routes of three anchors; what enters a block is alike, wherever it comes from."""
    assert len(graphs[0]) == len(network.blocks())


def test_a_rehearsal_draws_from_no_generator_of_others(data):
    """Blocks that drop paths do, three times while they warm up."""
    network = training(data, drop_path=0.3).network.train()
    before = torch.get_rng_state()
    CapturedBlocks(network, Graph).rehearse(data.train_images[:16])
    assert torch.equal(torch.get_rng_state(), before)


def test_graphs_run_only_where_they_are_in_use(network, images, graphs, blocks):
    made, _ = graphs
    own, ran = network.blocks(), sum(graph.runs for graph in made)
    with blocks.in_use():
        blocks.begin_step()
        network(images[:3], 0)  # as many as no graph takes
        assert sum(graph.runs for graph in made) == ran
        network(images, 0)
    assert sum(graph.runs for graph in made) == ran + len(network.anchor(0).blocks)
    assert network.blocks() == own


def test_a_graph_runs_once_a_step(network, images, graphs, blocks):
    """The second time the block itself does, so that the first has its gradients."""
    made, _ = graphs
    parameters = [p for p in network.anchor(0).parameters() if p.requires_grad]

    def gradients():
        total = network(images, 0).sum() + network(2 * images, 0).sum()
        return torch.autograd.grad(total, parameters)

    expected, ran = gradients(), sum(graph.runs for graph in made)
    with blocks.in_use():
        for step in (1, 2):
            blocks.begin_step()
            assert all(map(torch.equal, gradients(), expected))
            more = sum(graph.runs for graph in made) - ran
            assert more == step * len(network.anchor(0).blocks)
