"""Small networks and images."""

from __future__ import annotations

import pytest
import torch

from helpers.anchors import SHAPE, tiny_anchor
from snnet.data.digits import load_digits
from snnet.data.memory import take
from snnet.network import stitch


@pytest.fixture
def network():
    return stitch([tiny_anchor(w, w) for w in (8, 12, 16)], SHAPE, pairs="all").eval()


@pytest.fixture
def images():
    return torch.randn(20, 1, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def data():
    return take(load_digits(0), 64, 32, 0)
