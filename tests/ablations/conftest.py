"""What tests of the machinery share."""

from __future__ import annotations

import pytest

from ablations.tracking.store import connect


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """A store as the collector makes it, to be copied: MLflow's migrations take seconds."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    connect(f"sqlite:///{path}", create=True)
    return path
