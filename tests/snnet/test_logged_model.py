"""A trained network as a model of MLflow."""

from __future__ import annotations

import mlflow
import numpy as np
import pytest
import torch
from click.testing import CliRunner

import snnet
from ablations.cli.main import main
from ablations.runs.home import Home
from ablations.tracking.names import KEY_TAG
from ablations.tracking.store import connect
from helpers.finished_run import KEY, finished_run, two_vits


@pytest.fixture
def run(tmp_path):
    return finished_run(tmp_path, two_vits())


def export(run, *arguments):
    return CliRunner().invoke(main, ["--home", str(run.parents[1]), "export", KEY, *arguments])


def test_mlflow_predicts_with_a_logged_network(run, monkeypatch):
    uri = Home(run.parents[1]).tracking_uri
    client = connect(uri, create=True)
    unknown = export(run, "--mlflow")
    assert unknown.exit_code == 2
    assert f"run {KEY} is not tracked" in unknown.stderr
    tracked = client.create_run("0", tags={KEY_TAG: KEY})
    done = export(run, "--mlflow")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("logging 0.1 MB to sqlite:///")
    (model,) = client.search_logged_models(["0"])
    assert f'load_model("models:/{model.model_id}")' in done.stdout
    assert model.source_run_id == tracked.info.run_id
    (output,) = client.get_run(tracked.info.run_id).outputs.model_outputs
    assert output.model_id == model.model_id
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(uri)
    try:
        loaded = mlflow.pyfunc.load_model(f"models:/{model.model_id}")
    finally:
        mlflow.set_tracking_uri(before)
    network = snnet.load(run)
    images = torch.rand(3, 1, 8, 8)
    assert np.array_equal(loaded.predict(images.numpy()), network(images).numpy())
    network.select(4)
    chosen = loaded.predict(images.numpy(), params={"stitch": 4})
    assert np.array_equal(chosen, network(images).numpy())
    with pytest.raises(mlflow.exceptions.MlflowException, match="schema"):
        loaded.predict(np.zeros((3, 3, 8, 8), np.float32))


@pytest.mark.parametrize("arguments", [("--output", "a.onnx"), ("--stitch", "1"), ("--macs", "1G")])
def test_all_of_a_network_is_logged(run, arguments):
    done = export(run, "--mlflow", *arguments)
    assert done.exit_code == 2
    assert "--mlflow keeps all sub-networks" in done.stderr
