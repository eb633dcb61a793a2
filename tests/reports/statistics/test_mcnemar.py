"""McNemar's test of two stitches."""

from __future__ import annotations

import numpy as np
import pytest

from reports.statistics.mcnemar import McNemar, mcnemar

pytestmark = pytest.mark.filterwarnings("error")


# two stitches on the same images


def packed(bits):
    return np.packbits(np.array(list(bits), dtype=bool)).tobytes()


def test_mcnemar_by_hand():
    # 12 images differ, 3 to 9: 2 (1 + 12 + 66 + 220) / 2^12
    ours = packed([1] * 3 + [0] * 9 + [1] * 5)
    theirs = packed([0] * 3 + [1] * 9 + [1] * 5)
    assert mcnemar(ours, theirs, 17) == McNemar(pytest.approx(2 * 299 / 2**12), 3, 9)
    assert mcnemar(ours, ours, 17) == McNemar(1.0, 0, 0)


def test_mcnemar_sees_only_the_images():
    """The last byte is filled up; what is in it beyond the images says nothing."""
    assert mcnemar(b"\xff", b"\xe0", 3) == McNemar(1.0, 0, 0)
    with pytest.raises(ValueError, match="2 bytes cannot hold the results of 17 images"):
        mcnemar(b"\xff\xff", b"\xff\xff", 17)
