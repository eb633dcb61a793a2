"""What datasets a test needs."""

from __future__ import annotations

from importlib.metadata import distributions

import pytest

from snnet.data.locations import DEBIAN_FASHION

needs_fashion = pytest.mark.skipif(
    not DEBIAN_FASHION.exists(),
    reason="needs Fashion-MNIST (Debian: apt-get install dataset-fashion-mnist)",
)


def needs_package(*names):
    """A mark for tests of what these packages hold."""
    there = {distribution.name.lower() for distribution in distributions()}
    lacking = [name for name in names if name not in there]
    return pytest.mark.skipif(bool(lacking), reason=f"needs pip install {' '.join(lacking)}")
