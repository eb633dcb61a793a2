"""A finished run loaded and selected from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
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


def test_switching_copies_nothing(run):
    loaded = snnet.load(run)
    places = [parameter.data_ptr() for parameter in loaded.network.parameters()]
    for number in range(len(loaded)):
        loaded.select(number)
    assert places == [parameter.data_ptr() for parameter in loaded.network.parameters()]


def test_a_budget_takes_the_best_within_it(run):
    loaded = snnet.load(run)
    loaded.measure_latency(repeats=2)
    table = loaded.table
    for name in ("macs", "params", "latency"):
        for budget in table[name]:
            chosen = table.loc[loaded.select(**{name: budget})]
            within = table[table[name] <= budget]
            assert chosen[name] <= budget
            assert chosen.top1 == within.top1.max()
            assert chosen.macs == within[within.top1 == chosen.top1].macs.min()
    both = loaded.select(macs=table.macs.median(), params=table.params.median())
    assert table.macs[both] <= table.macs.median()
    assert table.params[both] <= table.params.median()
    assert loaded.select() == table.sort_values(["top1", "macs"], ascending=[False, True]).index[0]


def test_the_best_is_chosen_by_images_held_back(run):
    path = run / "result/stitch.parquet"
    table = pd.read_parquet(path)
    table["top1_validation"] = 1 - table.top1
    table.to_parquet(path)
    loaded = snnet.load(run)
    assert loaded.stitch == loaded.select(macs=table.macs.max()) == table.macs.idxmin()


def test_selections_that_cannot_be(run):
    loaded = snnet.load(run)
    cheapest = loaded.table.macs.idxmin()
    with pytest.raises(ValueError, match=rf"within 10 MACs; the least is .* \(stitch {cheapest}\)"):
        loaded.select(macs=10)
    with pytest.raises(ValueError, match="there is no stitch 99"):
        loaded.select(99)
    with pytest.raises(ValueError, match="not both"):
        loaded.select(1, macs=1e9)
    with pytest.raises(ValueError, match="call measure_latency"):
        loaded.select(latency=5)
    with pytest.raises(ValueError, match="batch_size and repeats"):
        loaded.measure_latency(batch_size=0)


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


def test_a_loaded_run_shows_what_it_is(run):
    loaded = snnet.load(run)
    loaded.select(2)
    told = repr(loaded)
    assert told.startswith("TrainedNetwork of vit-8, vit-12 on digits: 9 stitches, 4.45e-05 to ")
    assert told.endswith("selected: stitch 2 (vit-8 0 > vit-12 0), 0.000112 GMACs, 85.0 %")
    assert list(loaded.stitches.columns) == ["route", "stage", "macs", "params", "top1"]
    assert loaded.stitches.macs.tolist() == loaded.table.macs.tolist()
    loaded.measure_latency(repeats=1)
    assert "latency" in loaded.stitches


def test_pictures_become_what_the_network_takes(run):
    loaded = snnet.load(run)
    images = loaded.preprocess([np.zeros((20, 30), np.uint8), np.zeros((8, 8, 3), np.uint8)])
    assert images.shape == (2, 1, 8, 8)
    assert loaded.classes[loaded(images).argmax(1)[0]] in "0123456789"
    with pytest.raises(ValueError, match="there are no pictures"):
        loaded.preprocess([])
