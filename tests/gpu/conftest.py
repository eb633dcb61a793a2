"""What is done on a GPU is done on the CPU, too, wherever that can be: the same bodies of tests.

No GPU has run these tests yet: see docs/machines.md.
"""

from __future__ import annotations

import pytest
import torch


def pytest_collection_modifyitems(items):
    """Leave out what needs a GPU where torch sees none, and say so."""
    if not torch.cuda.is_available():
        reason = f"torch {torch.__version__} sees no GPU here (on a machine with one: -m gpu)"
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True)
def without_tf32():
    """TF32 is off: its ten bits would hide mistakes."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32 = before


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request):
    return torch.device(request.param)
