"""A trained network: selected from, and given pictures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import snnet
from helpers.finished_run import finished_run, two_vits


@pytest.fixture
def run(tmp_path):
    return finished_run(tmp_path / "home", two_vits())


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
