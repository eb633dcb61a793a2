"""A piece of one's own against all others."""

from __future__ import annotations

from pathlib import Path

import pytest

from ablations import UserError
from ablations.study.catalogue import load_study
from ablations.study.expansion import expand
from snnet.pieces import PIECES, SAMPLERS
from studies.experiments.field import against_field
from studies.sampling import STUDY as SAMPLING

IDEA = Path(__file__).parents[3] / "examples" / "idea.py"


def test_the_example_claims_to_beat_every_other_one_at_equal_passes():
    assert IDEA.read_text().count("\n") <= 30
    plan = expand("idea", load_study(str(IDEA))[1])
    assert [claim.words for claim in plan.plan.claims] == [
        f"by_cost beats {rival}" for rival in SAMPLERS.built_in
    ]
    configs = {(one.sampling, one.seed): one for one in plan.configs.values()}
    assert len(configs) == 5 * (len(SAMPLERS.built_in) + 1)
    assert configs["sandwich", 0].epochs * 3 == 51
    assert {one.epochs for one in configs.values() if one.sampling != "sandwich"} == {50}


def test_the_others_runs_are_those_of_other_studies():
    keys = expand("idea", load_study(str(IDEA))[1]).configs.keys()
    assert len(keys & expand("sampling", SAMPLING, seeds=5).configs.keys()) == 10


def test_what_is_not_registered_is_refused():
    with pytest.raises(UserError, match="layer 'mine' is not registered"):
        against_field("layer", "mine")
    with pytest.raises(UserError, match="'epochs' names no pieces: there are layer"):
        against_field("epochs", "mine")


@pytest.mark.parametrize(("setting", "rivals"), [("selection", 7), ("matching", 4), ("layer", 7)])
def test_pieces_of_every_kind_have_a_field(monkeypatch, setting, rivals):
    monkeypatch.setitem(PIECES[setting], "mine", print)
    expansion = expand("mine", against_field(setting, "mine", seeds=1))
    assert len(expansion.plan.claims) == rivals
    assert len(expansion.configs) == rivals + 1
    if setting == "selection":
        positions = {one.selection: one.positions for one in expansion.configs.values()}
        assert positions.pop("all") == "windows"
        assert set(positions.values()) == {"every"}
