"""Pieces of users': layers, samplers and rules of positions in a study file of their own."""

from __future__ import annotations

import importlib
import json
import os
import sys

import pandas as pd
import pytest

import snnet
from ablations.runs.home import Home
from ablations.study.catalogue import load_study
from ablations.study.expansion import expand
from helpers.mixer import do_one_run
from snnet.config import StitchingConfig
from snnet.pieces import LAYERS, PIECES, Pieces

STUDY = """
import torch
from torch import Tensor

from ablations import Axis, Study
from snnet.layers import Linear
from snnet.pieces import LAYERS, POSITIONS, SAMPLERS
from snnet.scales import SCALES
from studies.experiments.stitching import STITCHING

HALF = 0.5


@LAYERS.register("halved")
class Halved(Linear):
    def transform(self, rows: Tensor) -> Tensor:
        return HALF * super().transform(rows)


@SAMPLERS.register("last")
def last(network, config):
    return lambda draws, visits: [len(network.space.routes) - 1]


@POSITIONS.register("middle")
def middle(front_depth, back_depth):
    return (((front_depth // 2 - 1, back_depth // 2),),)


ANCHORS = [
    {**anchor, "weights": "random", "options": {**anchor["options"], "depth": 2}}
    for anchor in SCALES["digits"]["vit"]["anchors"][:2]
]
OWN = {"layer": "halved", "sampling": "last", "positions": "middle"}
STUDY = Study(
    title="Pieces",
    question="Do they take part?",
    experiment=STITCHING,
    baseline={
        "anchors": ANCHORS,
        "epochs": 1,
        "warmup_epochs": 0,
        "training_images": 64,
        "test_images": 32,
        "calibration_images": 20,
        "layer": "linear",
        "sampling": "random",
        "positions": "windows",
    },
    axes=[Axis(name, [STITCHING.resolve({}).__dict__[name], own]) for name, own in OWN.items()],
)
"""


@pytest.fixture(autouse=True)
def unregistered():
    """A process that has executed no file with pieces; afterwards it has those that it had."""
    before = [(pieces, dict(pieces)) for pieces in PIECES.values()]
    for pieces in PIECES.values():
        pieces.clear()
    yield
    for pieces, own in before:
        pieces.clear()
        pieces.update(own)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "pieces.py"
    path.write_text(STUDY)
    return path


def keys(file):
    """The keys of the study's runs, by their name."""
    forget(file)
    plan = expand("pieces", load_study(str(file))[1]).plan
    return {cell.name.removesuffix(", seed 0"): cell.key for cell in plan.cells}


def forget(file):
    """Let this process be as one that has not executed the file."""
    for name, module in list(sys.modules.items()):
        if os.path.realpath(getattr(module, "__file__", None) or "") == os.path.realpath(file):
            del sys.modules[name]
    for pieces in PIECES.values():
        pieces.clear()
    importlib.invalidate_caches()


def test_an_edit_of_a_piece_gives_other_keys_to_the_runs_that_name_it(file):
    before = keys(file)
    file.write_text(STUDY.replace("len(network.space.routes) - 1", "0"))
    after = keys(file)
    same = {name for name in before if before[name] == after[name]}
    assert len(before) == 4
    # registering is a deed of the whole file: all pieces in it count as one
    assert same == {"baseline"}
    file.write_text(STUDY.replace("HALF = 0.5", "HALF = 0.25  # a quarter"))
    assert keys(file)["layer=halved"] != before["layer=halved"]
    file.write_text("# a comment\n" + STUDY)
    assert keys(file) == before


def test_a_run_of_pieces_is_done_and_loaded(file, tmp_path):
    run = do_one_run(Home(tmp_path / "home"), file, "layer=halved")
    assert json.loads((run.path / "config.json").read_text())["code"]
    forget(file)
    network = snnet.load(run.path)
    assert type(network.network.layers[0]).__name__ == "Halved"
    forget(file)
    file.rename(tmp_path / "elsewhere.py")
    with pytest.raises(ValueError, match=r"not 'halved'; the run was made with the study file"):
        snnet.load(run.path)


def test_a_sampler_and_a_rule_of_positions_take_part(file, tmp_path):
    run = do_one_run(Home(tmp_path / "home"), file, "sampling=last")
    visits = pd.read_parquet(run.table("stitch"))["visits"]
    assert visits.iloc[-1] == visits.sum() == 2
    run = do_one_run(Home(tmp_path / "other"), file, "positions=middle")
    assert pd.read_parquet(run.table("stitch"))["route"].tolist() == ["0", "1", "0.0>1.1"]


def test_names_that_stand_for_nothing_are_refused_with_the_nearest():
    with pytest.raises(ValueError, match=r"layer is one of linear, .*, not 'linaer'; did you mean"):
        StitchingConfig(layer="linaer")


def test_a_name_is_of_one_piece():
    pieces = Pieces("layer", "linear")

    def one() -> None: ...

    def two() -> None: ...

    with pytest.raises(ValueError, match="layer linear is built in"):
        pieces.register("linear")
    pieces.register("mine")(one)
    pieces.register("mine")(one)
    with pytest.raises(ValueError, match="layer mine is there twice"):
        pieces.register("mine")(two)
    assert pieces.names == ("linear", "mine")
    assert "mine" not in LAYERS
