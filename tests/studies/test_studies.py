"""The studies ask what they promise."""

from __future__ import annotations

import pytest

from ablations.study.catalogue import load_study, study_names
from ablations.study.expansion import expand
from studies.overview import STUDY as OVERVIEW


def test_overview_and_grid_ask_what_they_promise():
    assert {"grid", "overview"} <= study_names().keys()
    assert len(expand("overview", OVERVIEW).configs) == 8
    assert len(expand("grid", load_study("grid")[1]).configs) == 2 * 2 * 4 * 2 * 2


@pytest.mark.parametrize("scale", ["lite", "minilm", "canvas"])
@pytest.mark.parametrize(
    "name",
    [
        *("initialisation", "direction", "epochs", "sampling"),
        *("tuning", "pretrained", "calibration", "transfer"),
    ],
)
def test_studies_ask_the_same_of_real_networks_and_of_other_tasks(name, scale):
    study = load_study(name)[1]
    found = expand(name, study, scale)
    plan = found.plan
    assert len(found.configs) == len(plan.cells) > study.seeds
    if name == "transfer":  # it says itself what trains anchors
        assert plan.axes["anchors"] == ("fine-tuned", "straight", "scratch")
    assert all(config.dataset == plan.settings["dataset"] for config in found.configs.values())


def test_tasks_asks_each_choice_of_each_task():
    study = load_study("tasks")[1]
    configs = expand("tasks", study).configs.values()
    assert {config.dataset for config in configs} == {"fashion", "text/films", "canvas"}
    for dataset in ("fashion", "text/films", "canvas"):
        asked = [config for config in configs if config.dataset == dataset]
        assert {config.init for config in asked} == {"least_squares", "kaiming"}
        assert len(asked) == 2 * study.seeds
        assert len({str(config.anchors) for config in asked}) == 1
