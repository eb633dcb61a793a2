"""The report of a study in MLflow: its page, a note, and verdicts as tags."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ablations.runs.home import Home
from ablations.study.plans import save_plan
from ablations.tracking.collector import Collector
from ablations.tracking.names import NOTE_TAG, STUDY_TAG, verdict_tag
from ablations.tracking.reader import read_study
from ablations.tracking.store import connect, search
from helpers.toy import MOMENTUM, PLAN
from helpers.tracking import do
from reports.data.verdicts import judge
from reports.pages import attaching


@pytest.fixture
def study(tmp_path):
    """A home, and a study in it that claims something."""
    home = Home(tmp_path)
    save_plan(home, replace(PLAN, claims=(MOMENTUM,)))
    for key in PLAN.runs:
        do(home, key)
    Collector(home, home.tracking_uri).sync()
    return home, read_study(home.tracking_uri, "toy")


def headings(home):
    client = connect(home.tracking_uri)
    found = search(client, "1", f"tags.`{STUDY_TAG}` LIKE '%'")
    return {run.data.tags[STUDY_TAG]: run for run in found}


def test_the_study_carries_page_and_verdicts(study, tmp_path, monkeypatch, capsys):
    home, tracked = study
    verdicts = judge([tracked])
    page = tmp_path / "index.html"
    with monkeypatch.context() as reading:  # who only reads is not bothered
        reading.setattr("ablations.tracking.reports.may_write", lambda folder: False)
        attaching.attach(home.tracking_uri, tracked, verdicts, page)
    assert capsys.readouterr().out == ""
    assert not [tag for tag in headings(home)["toy"].data.tags if tag.startswith("verdict")]
    attaching.attach(home.tracking_uri, tracked, verdicts, page)
    assert "is not attached to the study in MLflow" in capsys.readouterr().out  # there is no page
    page.write_text("<p>all of it</p>")
    attaching.attach(home.tracking_uri, tracked, verdicts, page)
    found = headings(home)
    assert found.keys() == {"toy", "toy, seed 0"}
    for run in found.values():
        assert run.data.tags[verdict_tag(MOMENTUM.words)] == "undecided"  # of one seed
    run = found["toy"]
    note = run.data.tags[NOTE_TAG]
    assert note.startswith("Does the machinery work?\n\n[The report](#/experiments/1/runs/")
    assert f"{run.info.run_id}/artifacts/report/index.html?workflowType=" in note
    assert "- **undecided**: Momentum is better (" in note
    kept = home.artifacts / "toy" / run.info.run_id / "artifacts/report/index.html"
    assert kept.read_text() == "<p>all of it</p>"
    assert "[The report]" not in found["toy, seed 0"].data.tags.get(NOTE_TAG, "")
