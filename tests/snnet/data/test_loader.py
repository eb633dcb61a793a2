"""How many processes load images."""

from __future__ import annotations

import pytest

from snnet.data import loader


@pytest.mark.parametrize(
    ("cpus", "here", "expected"), [(1, 1, 0), (2, 1, 1), (16, 8, 1), (16, 1, 15), (4, 8, 0)]
)
def test_processes_that_share_a_machine_share_its_cpus(monkeypatch, cpus, here, expected):
    monkeypatch.delenv("SNNET_WORKERS", raising=False)
    monkeypatch.setattr(loader, "count_cpus", lambda: cpus)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(here))
    assert loader.loader_workers() == expected
    monkeypatch.setenv("SNNET_WORKERS", "7")
    assert loader.loader_workers() == 7
