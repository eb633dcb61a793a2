"""What is trained of the anchors."""

from __future__ import annotations

import pytest
import torch

from helpers.families import family
from helpers.training import training, weights
from snnet.tuning import tune

CHANGED = {
    "full": lambda name: True,
    "stitching_layers": lambda name: name.startswith("layers."),
    "norms": lambda name: name.startswith("layers.") or ".norm" in name,
    "biases": lambda name: name.startswith("layers.") or name.endswith(".bias"),
}


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
    tune(network.anchors, "norms")
    trained = [key for key, value in network.anchors.named_parameters() if value.requires_grad]
    assert trained
    sizes = {value.ndim for value in network.anchors.parameters() if value.requires_grad}
    assert sizes == {1}
