"""How images are prepared is the networks' choice."""

from __future__ import annotations

import numpy as np
import pytest
import timm
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from timm.data.transforms import MaybeToTensor
from torchvision.transforms import Compose, Normalize, ToTensor

from snnet.anchor_spec import AnchorSpec
from snnet.data.preprocessing import Preprocessing, ToNormalised, preprocessing_of
from snnet.models import create_model
from snnet.recipe import Augmentation

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


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from(["L", "RGB"]),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.lists(st.tuples(st.floats(-2, 2), st.floats(0.01, 3)), min_size=3, max_size=3),
    st.integers(0, 2**32 - 1),
)
def test_at_once_it_gives_the_bits_of_two_steps(mode, size, normal, seed):
    channels = len(Image.new(mode, (1, 1)).getbands())
    mean, deviation = (list(values) for values in zip(*normal[:channels], strict=True))
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, channels), np.uint8)
    image = Image.fromarray(pixels.squeeze(2) if mode == "L" else pixels)
    expected = Compose([ToTensor(), Normalize(mean, deviation)])(image)
    found = ToNormalised(torch.tensor(mean), torch.tensor(deviation))(image)
    assert torch.equal(found, expected)
    assert found.is_contiguous()


def test_both_transforms_normalise_at_once():
    preparing = Preprocessing((3, 32, 32), (0.5,) * 3, (0.2,) * 3, "bicubic", 0.9)
    strong = Augmentation(rand_augment="rand-m9", random_erasing=0.25)
    for transform in (preparing.for_test(), preparing.for_training(strong)):
        kinds = [type(step) for step in transform.transforms]
        assert kinds.count(ToNormalised) == 1
        assert not {MaybeToTensor, Normalize} & set(kinds)
