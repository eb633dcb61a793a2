"""How images are prepared is the networks' choice."""

from __future__ import annotations

import pytest
import timm
import torch
from PIL import Image

from snnet.anchor_spec import AnchorSpec
from snnet.data.preprocessing import preprocessing_of
from snnet.models import create_model

GREY = {"img_size": 64, "in_chans": 1}


def test_preprocessing_comes_from_the_networks():
    with torch.device("meta"):
        deit, swin, inception = (
            timm.create_model(name)
            for name in (
                "deit_tiny_patch16_224",
                "swin_tiny_patch4_window7_224.ms_in1k",
                "vit_small_patch16_224.augreg_in1k",
            )
        )
    found = preprocessing_of([deit, swin])
    assert found.image_shape == (3, 224, 224)
    assert found.mean == (0.485, 0.456, 0.406)
    assert (found.interpolation, found.crop) == ("bicubic", 0.9)
    with pytest.raises(ValueError, match=r"mean is .*0\.485.* for the first, .*0\.5"):
        preprocessing_of([deit, inception])


def made(architecture, **options):
    with torch.device("meta"):
        return create_model(AnchorSpec("a", architecture, options, weights="random"))


def test_size_and_channels_are_those_of_the_models_as_built():
    found = preprocessing_of([made("resnet18", in_chans=1), made("deit_tiny_patch16_224", **GREY)])
    assert found.image_shape == (1, 64, 64)
    assert found.mean == (pytest.approx(0.449),)
    assert found.deviation == (pytest.approx(0.226),)
    assert found.for_test()(Image.new("L", (80, 90))).shape == (1, 64, 64)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            {"in_chans": 1},
            r"different sizes, .* \(1x224x224\) and .* \(1x64x64\): give them one im",
        ),
        (
            {"img_size": 64},
            r"different channels, .* \(3x64x64\) and .* \(1x64x64\): give them one in",
        ),
    ],
)
def test_models_of_different_images_are_refused(options, says):
    models = [made("deit_small_patch16_224", **options), made("deit_tiny_patch16_224", **GREY)]
    with pytest.raises(ValueError, match=says):
        preprocessing_of(models)


def test_images_have_one_or_three_channels():
    with pytest.raises(ValueError, match="images of 4 channels, and pictures have 3, or 1"):
        preprocessing_of([made("deit_tiny_patch16_224", in_chans=4)])
