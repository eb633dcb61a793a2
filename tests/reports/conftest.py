"""A tracked study, for all reports."""

from __future__ import annotations

import pytest

from helpers.commands import TOY, run_ablate
from reports.build import build_report


@pytest.fixture(autouse=True)
def _no_collections(monkeypatch):
    """statsmodels collects all garbage whenever it corrects p: seconds where torch is loaded."""
    monkeypatch.setattr("gc.collect", lambda *_: 0)


ONE_AXIS = ("--seeds", "1", "--set", "rate=0.1", "--set", "pace=5", "--name", "small")


@pytest.fixture(scope="session")
def tracked_home(tmp_path_factory):
    """With the toy in three seeds, and two of its runs as a study of their own, `small`."""
    home = tmp_path_factory.mktemp("reports") / "home"
    for asked in (("--seeds", "3"), ONE_AXIS):
        done = run_ablate(home, "run", TOY, *asked)
        assert done.returncode == 0, done.stdout + done.stderr
    return home


@pytest.fixture(scope="session")
def uri(tracked_home):
    return f"sqlite:///{tracked_home / 'mlflow.db'}"


@pytest.fixture(scope="session")
def drawn(uri, tmp_path_factory):
    """The toy's report, drawn once: to be looked at, not written to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gc.collect", lambda *_: 0)
        return build_report(uri, "toy", tmp_path_factory.mktemp("drawn")).parent
