"""What drawings of routes know of the anchors."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from ablations.study.metric import Metric, Table
from ablations.tracking.reader import TrackedRun, TrackedStudy
from reports.data.paper import published_plan
from reports.pages.routes import anchors_of

TABLE = Table("stitch", "route", (Metric("top1"), Metric("top1_before")), Metric("macs"))


def study_of(routes, **columns):
    frame = pd.DataFrame(
        {"route": routes, "anchors": "", "is_anchor": False, "macs": 1, "params": 1}
    )
    frame = frame.assign(top1=0.5, top1_before=0.5, **columns)
    anchors = [{"name": "small"}, {"name": "large"}]
    plan = replace(published_plan("vit"), table=TABLE, settings={"anchors": anchors})
    return TrackedStudy(plan, {"a": TrackedRun("a", "a", {}, {}, frame)})


def test_blocks_are_counted_from_all_routes():
    found = anchors_of(study_of(["0", "1", "0.4>1.1", "0.2>1.5", "1.5>0.3 0.5>1.6"]))
    assert found == [{"name": "small", "blocks": 6}, {"name": "large", "blocks": 7}]


def test_where_rows_are_no_routes_of_these_anchors_none_is_drawn():
    assert anchors_of(study_of(["0.1>2.3"])) == []
    study = study_of(["0.1>1.3"])
    other = replace(study.plan, settings={})
    assert anchors_of(TrackedStudy(other, study.runs)) == []
    other = replace(study.plan, table=replace(TABLE, scores=(Metric("fit"),)))
    assert anchors_of(TrackedStudy(other, study.runs)) == []
