"""The example that serves requests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from helpers.finished_run import finished_run, two_vits

pytestmark = pytest.mark.slow

SERVE = Path(__file__).parents[2] / "examples" / "serve.py"


@pytest.fixture
def run(tmp_path):
    return finished_run(tmp_path / "home", two_vits())


def test_the_serving_example(run):
    command = [
        sys.executable,
        str(SERVE),
        str(run.with_name(run.name[:4])),
        "--seconds",
        "1",
        "--step",
        "0.3",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert len(done.stdout.splitlines()) >= 3
    assert "accuracy so far" in done.stdout
