"""Names as people read them."""

from __future__ import annotations

import pytest

from reports.drawing.words import anchor_name, named, plain, short


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("deit_tiny_patch16_224", "DeiT-Ti"),
        ("deit_base_patch16_224", "DeiT-B"),
        ("swin_small_patch4_window7_224", "Swin-S"),
        ("resnet18", "ResNet-18"),
        ("resnet34-24", "ResNet-34-24"),
        ("levit_192", "LeViT-192"),
        ("minilm-l3", "MiniLM-L3"),
        ("vit-6", "vit-6"),
        ("my_own_net", "my_own_net"),
    ],
)
def test_anchors_are_called_as_papers_call_them(name, says):
    assert anchor_name(name) == says


def test_anchors_of_a_route_are_told_by_name_and_unknown_ones_by_number():
    names = ["vit-6", "deit_tiny_patch16_224"]
    assert named("0", names) == "vit-6"
    assert named("0-1-2", names) == "vit-6 to DeiT-Ti to anchor 2"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("least_squares (baseline)", "least squares (baseline)"),
        ("kl", "KL"),
        ("kla", "kla"),
        ("calibration_images", "calibration images"),
        ("12", "12"),
    ],
)
def test_levels_are_words(name, says):
    assert plain(name) == says


def test_numbers_of_parameters_are_short():
    assert [short(n) for n in (850, 12_000, 3_140_000, 2e9)] == ["850", "12k", "3.14M", "2G"]
