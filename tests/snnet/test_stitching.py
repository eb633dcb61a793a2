"""Models of timm, however they are given, stitched."""

from __future__ import annotations

import pytest
import timm
import torch
from torch import nn

import snnet
from helpers.anchors import OPTIONS
from snnet.anchors import adapt

WIDE, NARROW = (12, 8)


def model(width: int) -> nn.Module:
    return timm.create_model("vit_tiny_patch16_224", **OPTIONS, embed_dim=width, num_heads=2)


@pytest.fixture
def network():
    return snnet.stitch([model(WIDE), adapt(model(NARROW))], kernel=1)


def test_models_are_joined_from_fast_to_slow(network):
    assert [anchor.model.embed_dim for anchor in network.anchors] == [NARROW, WIDE]
    table = network.stitches
    assert list(table.columns) == ["route", "stage", "macs", "params"]
    assert table.route.tolist() == ["vit-0", "vit-1", *(f"vit-0 {n} > vit-1 {n}" for n in range(3))]
    assert list(zip(table.macs, table.params, strict=True)) == network.costs()


def test_a_network_is_a_line(network):
    told = repr(network)
    assert told.startswith("StitchedNetwork of vit-0, vit-1: 5 stitches, 4.45e-05 to ")
    assert told.endswith("images 1x8x8, 10 classes")


def test_it_is_initialised_and_run(network):
    images = torch.randn(8, 1, 8, 8)
    assert all(fit.residual < 1 for fit in network.initialise(images))
    assert network(images, 3).shape == (8, 10)


@pytest.mark.slow
def test_names_are_made_for_the_images():
    network = snnet.stitch(["vit_small_patch16_224", "vit_tiny_patch16_224"], (1, 32, 48))
    assert network.names == ["vit_tiny", "vit_small"]
    assert network(torch.zeros(1, 1, 32, 48), 2).shape == (1, 1000)


@pytest.mark.parametrize(
    ("models", "kind", "says"),
    [
        ("resnet18", TypeError, "models are a list of two or more, not one str"),
        (torch.zeros(2, 2), TypeError, "models are a list of two or more, not one Tensor"),
        (["resnet18"], ValueError, "two models or more, and 1 is given"),
        (["resnt18", "resnet50"], ValueError, "timm has no model 'resnt18': did you mean resnet18"),
        ([model(8), 3], TypeError, "model 1 is a int: give the name of a timm model, or"),
        ([model(8), nn.Linear(2, 2)], TypeError, "no anchor adapter for Linear"),
        ([model(8), model(8), "vit_tiny_patch16_224"], ValueError, "of different channels"),
    ],
)
def test_what_cannot_be_stitched(models, kind, says):
    with pytest.raises(kind, match=says) as told:
        snnet.stitch(models)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"image_shape": 8}, r"images are \(channels, height, width\), such as .*, not 8"),
        ({"image_shape": (1, "a", 8)}, "not .1, 'a', 8"),
        ({"image_shape": (3, 8, 8)}, "anchor 0 .VisionTransformer. cannot take images of 3x8x8"),
        ({"pairs": "al"}, "pairs is nearest or all, not 'al'"),
        ({"kernel": "2"}, "must be whole numbers and at least 1, not '2' and 1"),
        ({"stages": 1}, "stages are a list of whole numbers, such as .0, 2., not 1"),
        ({"stages": "0"}, "stages are a list of whole numbers, such as .0, 2., not '0'"),
        ({"stages": ["0", 1]}, "stages are a list of whole numbers"),
        ({"stages": [1]}, "these anchors have stages 0 to 0"),
    ],
)
def test_options_that_cannot_be(options, says):
    with pytest.raises(ValueError, match=says):
        snnet.stitch([model(8), model(12)], **{"image_shape": (1, 8, 8), **options})
