"""Views of studies in the MLflow UI: runs grouped by an axis or by seed, with charts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ablations.study.catalogue import presentation_of
from ablations.study.experiment import REPLICATE
from ablations.study.plan import Plan
from ablations.study.presentation import Chart
from ablations.tracking.contact import reaching
from ablations.tracking.names import (
    NOTE_TAG,
    VIEW_TAG,
    View,
    equals,
    member_tag,
    metric,
    progress_metric,
    table_metric,
    view_name,
)
from ablations.tracking.reader import read_plans
from ablations.tracking.store import connect


def view_state(plan: Plan, axis: str | None) -> str:
    """The runs of a study, in columns and charts, grouped by the level of `axis`, or by seed.

    By an axis those are left out in which the other axes are not at the baseline.
    """
    own = member_tag(plan.study)
    others = plan.baseline.items() if axis else ()
    conditions = [f"tags.`{own}` LIKE '%'"]
    conditions += [
        equals(member_tag(plan.study, name), level) for name, level in others if name != axis
    ]
    group = {"mode": "tag", "groupByData": member_tag(plan.study, axis)}
    seed = {"mode": "param", "groupByData": REPLICATE}
    presentation = presentation_of(plan)
    state: dict[str, Any] = {
        "searchFilter": " AND ".join(conditions),
        "groupBy": {"aggregateFunction": "average", "groupByKeys": [group if axis else seed]},
        "selectedColumns": [
            f"tags.`{own}`",
            *(f"metrics.`{metric(name)}`" for name in presentation.columns),
        ],
    }
    if presentation.charts:
        section = {"uuid": "study", "name": plan.study, "display": True, "isReordered": False}
        state["compareRunCharts"] = [_chart(chart) for chart in presentation.charts]
        state["compareRunSections"] = [section]
        state["isAccordionReordered"] = True  # ours first, not in the order of names
    return json.dumps(state)


def _chart(chart: Chart) -> dict[str, Any]:
    if chart.table:
        shown = table_metric(chart.table, chart.metric)
        over = table_metric(chart.table, chart.over) if chart.over else None
    else:
        shown, over = progress_metric(chart.metric), None
    return {
        "type": "LINE",
        "uuid": shown,
        "metricSectionId": "study",
        "deleted": False,
        "isGenerated": False,
        "metricKey": shown,
        "selectedMetricKeys": [shown],
        "xAxisKey": "metric" if over else "step",
        "selectedXAxisMetricKey": over or "",
        "useGlobalXaxisKey": False,
        "xAxisScaleType": "linear",
        "scaleType": "linear",
        "yAxisKey": "metric",
        "yAxisExpressions": [],
        "range": {},
        "lineSmoothness": 0,
        "useGlobalLineSmoothing": False,
        "displayPoints": True,
        "ignoreOutliers": False,
    }


def view_path(experiment: str, study: str, axis: str | None) -> str:
    """Where the UI shows the prepared view of a study, grouped by `axis`."""
    query = f"viewStateShareKey={view_name(study, axis)}&compareRunsMode=CHART"
    return f"/#/experiments/{experiment}/runs?{query}"


def run_path(experiment: str, run_id: str) -> str:
    """Where the UI shows a run."""
    return f"/#/experiments/{experiment}/runs/{run_id}"


def prepare_views(uri: str) -> Iterator[View]:
    """Write the views of every tracked study, and give them.

    The one without an axis shows all runs of a study, seed by seed. Each experiment gets a note
    with the questions of its studies.

    Raises:
        UserError: the store does not answer.
    """
    client = connect(uri)
    with reaching(uri):
        notes: dict[str, list[str]] = {}
        for experiment, plan in read_plans(client).values():
            notes.setdefault(experiment, []).append(f"- **{plan.study}**: {plan.question}")
            for axis in (None, *plan.axes):
                tag = VIEW_TAG + view_name(plan.study, axis)
                client.set_experiment_tag(experiment, tag, view_state(plan, axis))
                yield View(plan.study, axis or "", view_path(experiment, plan.study, axis))
        for experiment, lines in notes.items():
            client.set_experiment_tag(experiment, NOTE_TAG, "\n".join(lines))
