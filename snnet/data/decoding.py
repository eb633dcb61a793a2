"""Pictures of any kind that Pillow decodes, as grey or RGB ones of 8 bits."""

from __future__ import annotations

import numpy as np
from PIL import Image

BITS_PER_SAMPLE, PHOTOMETRIC, WHITE_IS_ZERO = 258, 262, 0  # tags of TIFF
# modes that `convert` takes to others only by way of these
BETWEEN = {"La": "LA", "RGBa": "RGBA", "PA": "RGBA", "LAB": "RGB"}


def in_mode(image: Image.Image, mode: str) -> Image.Image:
    """The picture in a mode of 8 bits, L or RGB.

    Deeper pictures are scaled to 8 bits (`convert` would clip them), palettes and CMYK become
    what they show; transparency is dropped, as timm does.

    Raises:
        ValueError: its values have no known range.
        OSError, SyntaxError, ...: whatever Pillow's decoders raise for a damaged file.
    """
    image.load()
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        image = _to_bytes(image)
    elif image.mode == "LAB":
        image = _from_lab(image)
    elif image.mode in BETWEEN:
        image = image.convert(BETWEEN[image.mode])
    elif image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    if image.mode == "CMYK" and mode == "L":
        image = image.convert("RGB")
    return image.convert(mode)


def _to_bytes(image: Image.Image) -> Image.Image:
    """A grey picture of 8 bits from one of 16 or more, or of floats in 0 to 1."""
    values = np.asarray(image).astype(np.float64)
    tags = getattr(image, "tag_v2", {})
    most = 1.0 if image.mode == "F" else float(2 ** _bits(image, tags) - 1)
    if not (values.min() >= 0 and values.max() <= most):  # not a number is neither
        raise ValueError(
            f"its values, {values.min():g} to {values.max():g}, are not within 0 and {most:g}; "
            "save it with 8 bits"
        )
    values = np.rint(values * (255 / most))
    if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO:
        values = 255 - values
    return Image.fromarray(values.astype(np.uint8))


def _bits(image: Image.Image, tags: object) -> int:
    """Bits of a grey value: those that a TIFF states, where it is no more than 16."""
    stated = tags.get(BITS_PER_SAMPLE, (16,)) if hasattr(tags, "get") else (16,)
    return min(int(stated[0]), 16)


def _from_lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    found = ImageCms.profileToProfile(image, lab, rgb, outputMode="RGB")
    assert found is not None  # None is of pictures changed in place
    return found
