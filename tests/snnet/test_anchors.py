"""Anchors: which networks are some, and which join."""

from __future__ import annotations

import pytest
import timm
import torch
from timm.models.mlp_mixer import MlpMixer

from helpers.anchors import tiny_anchor
from helpers.families import on_meta
from helpers.mixer import documented_adapter
from snnet.anchor_spec import AnchorSpec
from snnet.anchors import adapt, create_anchor
from snnet.evaluation import sweep
from snnet.network import stitch


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["deit_tiny_distilled_patch16_224", "deit_small_patch16_224"], "2 of them class tokens"),
        (["vit_tiny_patch16_224", "vit_small_patch32_224"], "197 tokens .* 50 tokens"),
        (["levit_192", "swin_tiny_patch4_window7_224"], "equally many stages"),
        (["resnet18", "vit_small_patch16_224"], "equally many stages"),
    ],
)
def test_networks_that_do_not_fit_say_what_differs(names, says):
    with pytest.raises(ValueError, match=says):
        on_meta(names)


def test_the_documented_architecture_joins():
    """What docs/extending.md adds goes through space, cost, least squares and sweep."""
    exec(documented_adapter(), {})
    torch.manual_seed(0)
    sizes = {"img_size": 32, "patch_size": 16, "num_classes": 10}
    blocks = {8: 32, 12: 48}  # as many as the small and the base one have, with their widths here
    mixers = [MlpMixer(**sizes, num_blocks=n, embed_dim=width) for n, width in blocks.items()]
    anchors = [adapt(mixer) for mixer in mixers]
    network = stitch(anchors, (3, 32, 32)).eval()
    images = torch.rand(4, 3, 32, 32)
    assert all(fit.residual < 1 for fit in network.initialise([images]))
    assert len(sweep(network, images)) == len(network.costs()) == 2 + 11


def test_an_anchor_is_its_timm_model(images):
    anchor = tiny_anchor(8, 0).eval()
    assert torch.equal(anchor(images), anchor.model(images))


def test_an_unknown_architecture_says_what_there_is():
    with pytest.raises(TypeError, match=r"no anchor adapter for MetaFormer; there is one for: .*S"):
        adapt(timm.create_model("poolformer_s12"))
    with pytest.raises(
        ValueError, match=r"anchor a .poolformer_s12.: no anchor adapter for MetaFormer"
    ):
        create_anchor(AnchorSpec("a", "poolformer_s12"))
    with pytest.raises(ValueError, match="no model 'vit_huge_typo': did you mean"):
        create_anchor(AnchorSpec("a", "vit_huge_typo"))
