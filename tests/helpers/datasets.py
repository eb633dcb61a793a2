"""What datasets a test needs."""

from __future__ import annotations

import pytest

from snnet.data.locations import DEBIAN_FASHION

needs_fashion = pytest.mark.skipif(
    not DEBIAN_FASHION.exists(),
    reason="needs Fashion-MNIST (Debian: apt-get install dataset-fashion-mnist)",
)
