"""How images are prepared is the networks' choice."""

from __future__ import annotations

import pytest
import timm
import torch

from snnet.data.preprocessing import preprocessing_of


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
