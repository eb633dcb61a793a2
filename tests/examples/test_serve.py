"""The example that serves requests."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from helpers.finished_run import finished_run, two_vits
from helpers.texts import LENGTH, specs, write_encoder, write_tables

pytestmark = pytest.mark.slow

SERVE = Path(__file__).parents[2] / "examples" / "serve.py"


@pytest.fixture
def run(tmp_path):
    return finished_run(tmp_path / "home", two_vits())


def test_the_serving_example(run):
    beginning = str(run.with_name(run.name[:4]))
    command = [sys.executable, str(SERVE), beginning, "--seconds", "1", "--step", "0.3"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert len(done.stdout.splitlines()) >= 3
    assert "top-1 so far" in done.stdout


def test_texts_are_served(tmp_path, monkeypatch):
    pytest.importorskip("transformers")
    monkeypatch.setenv("SNNET_DATA", str(tmp_path))
    write_tables(tmp_path / "opinions")
    folder = write_encoder(tmp_path / "encoder")
    config = {
        "dataset": "text/opinions",
        "tokens": LENGTH,
        "anchors": [asdict(spec) for spec in specs(folder)],
        "calibration_images": 8,
        "batch_size": 8,
        "epochs": 1,
        "warmup_epochs": 0,
    }
    (tmp_path / "settings.json").write_text(json.dumps(config))
    train = [
        "-m",
        "studies.experiments.train",
        str(tmp_path / "settings.json"),
        str(tmp_path / "run"),
    ]
    subprocess.run([sys.executable, *train], check=True, timeout=120)
    serve = [str(SERVE), str(tmp_path / "run"), "--seconds", "1", "--step", "0.3"]
    for says in ("top-1 so far", "noise instead of tokens"):
        done = subprocess.run(
            [sys.executable, *serve], capture_output=True, text=True, timeout=120, check=True
        )
        assert says in done.stdout
        assert len(done.stdout.splitlines()) >= 3
        (tmp_path / "opinions" / "test.tsv").unlink(missing_ok=True)
