"""The home of a real SLURM's tests."""

from __future__ import annotations

import pytest


@pytest.fixture
def home(slurm_home):
    return slurm_home
