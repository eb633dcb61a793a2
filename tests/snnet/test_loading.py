"""A finished run is read, or it is said why it cannot be."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

import snnet
from helpers.finished_run import KEY, finished_run, two_vits


@pytest.fixture(scope="module")
def network():
    return two_vits()


@pytest.fixture
def run(network, tmp_path):
    return finished_run(tmp_path / "home", network)


@pytest.fixture
def images():
    return torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def test_a_loaded_run_is_the_trained_network(run, network, images):
    loaded = snnet.load(run)
    assert len(loaded) == len(network.space.routes)
    for number in range(len(loaded)):
        assert loaded.select(number) == number == loaded.stitch
        with torch.no_grad():
            assert torch.equal(loaded(images), network(images, number))


def test_pretrained_weights_are_not_fetched_again(run):
    path = run / "config.json"
    record = json.loads(path.read_text())
    for anchor in record["config"]["anchors"]:
        anchor["weights"] = "/nowhere/weights.pth"
    path.write_text(json.dumps(record))
    snnet.load(run)


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40])


def change_config(run: Path, change) -> None:
    record = json.loads((run / "config.json").read_text())
    change(record)
    (run / "config.json").write_text(json.dumps(record))


MISTAKES = {
    "no run directory": lambda run: (run / "config.json").unlink(),
    r"config.json is damaged": lambda run: damage(run / "config.json"),
    r"no table of sub-networks": lambda run: (run / "result/stitch.parquet").unlink(),
    r"stitch.parquet is damaged": lambda run: damage(run / "result/stitch.parquet"),
    r"no trained network": lambda run: (run / "result/model.safetensors").unlink(),
    r"model.safetensors is damaged": lambda run: damage(run / "result/model.safetensors"),
    r"does not tell the shape": lambda run: save_file(
        {"x": torch.zeros(1)}, run / "result/model.safetensors"
    ),
    r"does not fit: missing": lambda run: save_file(
        {"x": torch.zeros(1)}, run / "result/model.safetensors", {"image_shape": "[1, 8, 8]"}
    ),
    "experiment 'toy'": lambda run: change_config(run, lambda r: r.update(experiment="toy")),
    "does not know: colour": lambda run: change_config(
        run, lambda r: r["config"].update(colour="red")
    ),
    r"does not know: anchors.1.recipe.colour": lambda run: change_config(
        run, lambda r: r["config"]["anchors"][1]["recipe"].update(colour="red")
    ),
    "does not fit this version: kernel": lambda run: change_config(
        run, lambda r: r["config"].update(kernel=0)
    ),
    "no object 'config'": lambda run: (run / "config.json").write_text("[]"),
    "lists other sub-networks": lambda run: (
        pd.read_parquet(run / "result/stitch.parquet")
        .iloc[:4]
        .to_parquet(run / "result/stitch.parquet")
    ),
}


@pytest.mark.parametrize("says", MISTAKES)
def test_a_run_that_cannot_be_loaded_says_why(run, says):
    MISTAKES[says](run)
    with pytest.raises(ValueError, match=says) as raised:
        snnet.load(run)
    assert "\n" not in str(raised.value)


def test_the_beginning_of_a_key_will_do(run, tmp_path, monkeypatch):
    home, table = tmp_path / "home", snnet.load(run).table
    monkeypatch.setenv("ABLATE_HOME", str(home))
    for reference in (KEY, KEY[:4], str(run.parent / KEY[:4])):
        assert snnet.load(reference).table.equals(table)
    monkeypatch.delenv("ABLATE_HOME")
    assert snnet.load(KEY[:4], home=home).table.equals(table)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="no run in outputs/runs whose key begins with '0123'"):
        snnet.load(KEY[:4])
    shutil.copytree(run, run.with_name("01235"))
    with pytest.raises(ValueError, match=r"2 runs in .* begin with 0123: 0123456789abcdef, 01235"):
        snnet.load(KEY[:4], home=home)
    with pytest.raises(ValueError, match="no run in"):
        snnet.load("", home=home)
    with pytest.raises(TypeError, match="the beginning of a key, not 3"):
        snnet.load(3)
