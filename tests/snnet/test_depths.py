"""What is known of anchors without timm is what timm makes."""

from __future__ import annotations

import pytest

from snnet.anchor_spec import AnchorSpec
from snnet.depths import ENCODER, known_depths
from snnet.families import outline
from snnet.scales import SCALES

MADE = {
    anchor["architecture"]
    for families in SCALES.values()
    for settings in families.values()
    for anchor in settings["anchors"]
    if not anchor["architecture"].startswith(ENCODER)
}


@pytest.mark.parametrize("architecture", sorted(MADE))
def test_known_depths_are_those_of_timm(architecture):
    assert known_depths(AnchorSpec("a", architecture)) == outline(architecture).depths


def test_options_change_depths():
    vit = "vit_tiny_patch16_224"
    assert known_depths(AnchorSpec("a", vit, {"depth": 6})) == (6,)
    assert known_depths(AnchorSpec("a", "resnet18", {"layers": [1, 1, 1, 1]})) is None
    assert known_depths(AnchorSpec("a", "resnet101")) is None
    encoder = "transformers:somewhere"
    assert known_depths(AnchorSpec("a", encoder)) is None
    assert known_depths(AnchorSpec("a", encoder, {"num_hidden_layers": 3})) == (3,)
    for depth in (0, 201, "six", True):
        with pytest.raises(ValueError, match="depth should be a whole number from 1 to 200"):
            known_depths(AnchorSpec("a", vit, {"depth": depth}))
