"""Two stitches on the same test images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class McNemar:
    """Images that only one of two stitches classifies correctly, and p that they differ (exact)."""

    p: float
    only_ours: int
    only_theirs: int


def mcnemar(ours: bytes, theirs: bytes, images: int) -> McNemar:
    """Compare what two stitches classified correctly, as tables keep it: one bit an image.

    The images are the unit: p is about these two trained networks, not about other seeds.

    Raises:
        ValueError: the results are not those of `images` images.
    """
    from statsmodels.stats import contingency_tables

    for packed in (ours, theirs):
        if len(packed) != (images + 7) // 8:
            raise ValueError(f"{len(packed)} bytes cannot hold the results of {images} images")
    first, second = (
        np.unpackbits(np.frombuffer(packed, np.uint8), count=images).astype(bool)
        for packed in (ours, theirs)
    )
    only_ours, only_theirs = int((first & ~second).sum()), int((second & ~first).sum())
    test = contingency_tables.mcnemar([[0, only_ours], [only_theirs, 0]], exact=True)
    return McNemar(float(test.pvalue), only_ours, only_theirs)
