"""The studies ask what they promise."""

from __future__ import annotations

from ablations.study.catalogue import load_study, study_names
from ablations.study.expansion import expand
from studies.overview import STUDY as OVERVIEW


def test_overview_and_grid_ask_what_they_promise():
    assert {"grid", "overview"} <= study_names().keys()
    assert len(expand("overview", OVERVIEW).configs) == 8
    assert len(expand("grid", load_study("grid")[1]).configs) == 2 * 2 * 4 * 2 * 2
