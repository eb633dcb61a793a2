"""A whole run as a worker does it, and where its GPU has too little memory."""

from __future__ import annotations

import pandas as pd
import pytest
import torch

from ablations.runs.attempt import Attempt
from helpers.stitching import settings
from snnet.distributed import connect
from snnet.errors import OutOfMemoryError
from snnet.memory import explaining_lack
from studies.experiments.stitching import STITCHING


@pytest.fixture
def run(tmp_path):
    return Attempt(tmp_path, tmp_path / "cache", 1)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_a_run_from_anchors_to_scores(run, device, precision):
    with connect() as process:
        assert process.device.type == device.type
    metrics = STITCHING.function(settings(precision=precision), run)
    table = pd.read_parquet(run.directory / "stitch.parquet")
    assert table.loss.between(0, 100).all()
    assert (pd.read_parquet(run.directory / "latency.parquet").latency_low > 0).all()
    if device.type == "cuda":
        model = (run.directory / "model.safetensors").stat().st_size
        assert model / 2**30 < metrics["gpu_peak_gib"] < 10
    else:
        assert "gpu_peak_gib" not in metrics


@pytest.mark.slow
def test_the_peak_is_that_of_each_run(run, device, tmp_path):
    """What an earlier run of the same process took does not count."""
    if device.type == "cuda":
        del_later = torch.empty(2**30, dtype=torch.uint8, device=device)
        del del_later
        torch.cuda.empty_cache()
    metrics = STITCHING.function(settings(), run)
    assert metrics.get("gpu_peak_gib", 0) < 1


@pytest.mark.slow
def test_too_little_memory_names_the_batch_size(run, device, monkeypatch):
    """The allocator's own refusal, in the middle of training."""

    def greedy(network, images, chosen):
        return torch.empty(2**50, device=images.device)

    with monkeypatch.context() as patch:
        patch.setattr("snnet.training.run_stitches", greedy)
        with pytest.raises(OutOfMemoryError, match="batch_size 16: choose a smaller") as failed:
            STITCHING.function(settings(batch_size=16), run)
    assert len(str(failed.value).splitlines()) == 1
    assert STITCHING.function(settings(batch_size=16), run)["stitches"] > 2  # the next run works


def test_other_errors_stay_as_they_are():
    with pytest.raises(RuntimeError, match="mat1 and mat2") as failed, explaining_lack(16):
        torch.ones(2, 3) @ torch.ones(2, 3)
    assert not isinstance(failed.value, OutOfMemoryError)
