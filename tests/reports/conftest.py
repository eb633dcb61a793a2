"""A tracked study, for all reports."""

from __future__ import annotations

import pytest

from helpers.commands import TOY, run_ablate


@pytest.fixture(autouse=True)
def _no_collections(monkeypatch):
    """statsmodels collects all garbage whenever it corrects p: seconds where torch is loaded."""
    monkeypatch.setattr("gc.collect", lambda *_: 0)


@pytest.fixture(scope="session")
def tracked_home(tmp_path_factory):
    home = tmp_path_factory.mktemp("reports") / "home"
    done = run_ablate(home, "run", TOY, "--seeds", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    return home


@pytest.fixture(scope="session")
def uri(tracked_home):
    return f"sqlite:///{tracked_home / 'mlflow.db'}"
