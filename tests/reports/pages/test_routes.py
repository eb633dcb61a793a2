"""What drawings of routes know of the anchors."""

from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd

from ablations.study.metric import Metric, Table
from ablations.tracking.reader import TrackedRun, TrackedStudy
from reports.data.paper import published_plan
from reports.pages.routes import anchors_of, routes_sentence

TABLE = Table("stitch", "route", (Metric("top1"), Metric("top1_before")), Metric("macs"))


def study_of(routes, names=("small", "minilm-l6"), **columns):
    frame = pd.DataFrame(
        {"route": routes, "anchors": "", "is_anchor": False, "macs": 1, "params": 1}
    )
    frame = frame.assign(top1=0.5, top1_before=0.5, **columns)
    params = {"anchors": json.dumps([{"name": name} for name in names])}
    plan = replace(published_plan("vit"), table=TABLE)
    return TrackedStudy(plan, {"a": TrackedRun("a", "a", {}, {}, frame, params)})


def test_blocks_are_counted_from_all_routes():
    found = anchors_of(study_of(["0", "1", "0.4>1.1", "0.2>1.5", "1.5>0.3 0.5>1.6"]))
    assert found == [{"name": "small", "blocks": 6}, {"name": "MiniLM-L6", "blocks": 7}]


def test_where_rows_are_no_routes_of_these_anchors_none_is_drawn():
    assert anchors_of(study_of(["0.1>2.3"])) == []
    study = study_of(["0.1>1.3"])
    assert anchors_of(study_of(["0.1>1.3"], names=())) == []
    others = {**study.runs, "b": replace(study.runs["a"], params={})}
    assert anchors_of(TrackedStudy(study.plan, others)) == []
    other = replace(study.plan, table=replace(TABLE, scores=(Metric("fit"),)))
    assert anchors_of(TrackedStudy(other, study.runs)) == []
    assert routes_sentence(TrackedStudy(other, study.runs)) == ""


def test_a_sentence_says_how_a_route_is_read():
    routes = ["0", "1", "1.5>0.3 0.5>1.6", "0.2>1.4"]
    assert routes_sentence(study_of(routes)) == (
        "In routes 0 is small and 1 is MiniLM-L6: 0.2>1.4 leaves small after block 2 and enters "
        "MiniLM-L6 at block 4."
    )
    assert routes_sentence(study_of(["0"], names=())) == (
        "In routes anchors have numbers: 0.3>1.4 leaves anchor 0 after block 3 and enters anchor 1 "
        "at block 4."
    )
