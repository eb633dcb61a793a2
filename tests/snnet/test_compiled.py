"""Blocks that are compiled: how often, and what comes of them."""

from __future__ import annotations

import pytest
import torch

from helpers.training import training, weights
from snnet.compiled import CompiledBlocks


@pytest.fixture
def count():
    """How many graphs were compiled since the test began."""
    torch._dynamo.reset()
    counters = torch._dynamo.utils.counters
    counters.clear()
    yield lambda: counters["stats"]["unique_graphs"]
    torch._dynamo.reset()


def test_all_routes_take_no_more_compilations_than_kinds_of_blocks(network, images, count):
    """57 routes of three anchors; blocks of an anchor are alike."""
    network.train()
    blocks = CompiledBlocks(network, "eager")
    plain = [network(images, stitch) for stitch in range(len(network.space.routes))]
    with blocks.in_use():
        for stitch, expected in enumerate(plain):
            logits = network(images, stitch)
            torch.testing.assert_close(logits, expected)
            logits.sum().backward()
            network.zero_grad()
            assert count() <= 3
        assert count() == 3
    network(images[:5], 0)
    assert count() == 3  # not compiled any more


def test_blocks_that_drop_paths_differ_and_are_compiled_once_each(data, count):
    run = training(data, drop_path=0.2, epochs=4)
    run.acceleration.compiled = CompiledBlocks(run.network, "eager")
    for _ in range(4):
        run.run_epoch()
    assert 2 <= count() <= len(run.network.blocks())


def test_training_with_compiled_blocks_is_training(data, count):
    """Scores in between run the blocks as they are; without the compiler's slow last step."""
    plain, compiled = training(data), training(data, compile="blocks")
    assert isinstance(compiled.acceleration.compiled, CompiledBlocks)
    compiled.acceleration.compiled = CompiledBlocks(compiled.network, "aot_eager")
    one, other = plain.run_epoch(), compiled.run_epoch()
    assert count() == 2
    assert other["loss"] == pytest.approx(one["loss"], rel=1e-4)
    expected = weights(plain)
    for name, value in weights(compiled).items():
        torch.testing.assert_close(value, expected[name], rtol=1e-3, atol=1e-4)
    functions = {function for route in compiled.network.functions for function in route}
    assert set(compiled.network.anchor(0).blocks) <= functions
