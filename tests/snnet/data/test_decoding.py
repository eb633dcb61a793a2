"""Pictures of every depth and kind become the 8 bits that they show."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from snnet.data.decoding import in_mode

RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)  # all grey values
COLOURS = np.stack([RAMP, RAMP.T, 255 - RAMP], -1)


def reopened(image, path, **options):
    image.save(path, **options)
    return Image.open(path)


@pytest.mark.parametrize("kind", ["png", "tif"])
def test_sixteen_bits_are_scaled(tmp_path, kind):
    deep = Image.fromarray(RAMP.astype(np.uint16) * 257)
    found = reopened(deep, tmp_path / f"deep.{kind}")
    assert found.mode.startswith("I")
    assert np.array_equal(np.asarray(in_mode(found, "L")), RAMP)
    grey = np.asarray(in_mode(reopened(deep, tmp_path / f"deep.{kind}"), "RGB"))
    assert np.array_equal(grey, np.stack([RAMP] * 3, -1))


def test_white_may_be_zero_and_floats_are_shares(tmp_path):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[262] = 0
    deep = Image.fromarray(RAMP.astype(np.uint16) * 257)
    found = reopened(deep, tmp_path / "inverse.tif", tiffinfo=tags)
    assert found.tag_v2[262] == 0
    assert np.array_equal(np.asarray(in_mode(found, "L")), 255 - RAMP)
    floats = reopened(Image.fromarray(RAMP.astype(np.float32) / 255), tmp_path / "floats.tif")
    assert np.array_equal(np.asarray(in_mode(floats, "L")), RAMP)


@pytest.mark.parametrize("values", [RAMP.astype(np.float32), RAMP.astype(np.int32) * 2**20])
def test_values_without_a_known_range_are_refused(tmp_path, values):
    found = reopened(Image.fromarray(values), tmp_path / "wide.tif")
    with pytest.raises(ValueError, match="are not within 0 and"):
        in_mode(found, "RGB")


@pytest.mark.parametrize("kind", ["png", "tif", "webp"])
def test_transparency_is_dropped(tmp_path, kind):
    alpha = Image.fromarray(np.dstack([COLOURS, RAMP]))
    found = reopened(alpha, tmp_path / f"alpha.{kind}", lossless=True, exact=True)
    assert np.array_equal(np.asarray(in_mode(found, "RGB")), COLOURS)


def test_palettes_show_their_colours(tmp_path):
    palette = Image.fromarray(COLOURS).quantize(64)
    wanted = np.asarray(palette.convert("RGB"))
    for options in ({}, {"transparency": bytes(64)}):
        found = reopened(palette, tmp_path / "palette.png", **options)
        assert found.mode == "P"
        assert np.array_equal(np.asarray(in_mode(found, "RGB")), wanted)


def test_one_bit_and_cmyk(tmp_path):
    bits = Image.fromarray(RAMP > 127)
    found = in_mode(reopened(bits, tmp_path / "bits.png"), "RGB")
    assert np.array_equal(np.asarray(found)[..., 0], np.where(RAMP > 127, 255, 0))
    inks = Image.fromarray(COLOURS).convert("CMYK")
    for kind in ("jpg", "tif"):
        found = in_mode(reopened(inks, tmp_path / f"inks.{kind}"), "RGB")
        assert abs(np.asarray(found).astype(int) - COLOURS).mean() < 10


@pytest.mark.parametrize("mode", ["La", "RGBa", "PA", "LAB", "HSV", "YCbCr", "I;16B"])
@pytest.mark.parametrize("wanted", ["L", "RGB"])
def test_rare_modes(mode, wanted):
    assert in_mode(Image.new(mode, (4, 4)), wanted).mode == wanted
