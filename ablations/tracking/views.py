"""Views of studies in the MLflow UI: runs grouped by setting or by an axis, with charts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ablations.study.catalogue import presentation_of, with_results
from ablations.study.plan import Plan
from ablations.study.presentation import Chart, Presentation
from ablations.tracking.contact import reaching
from ablations.tracking.curves import curve_of
from ablations.tracking.names import (
    NOTE_TAG,
    TRAINING,
    VIEW_TAG,
    View,
    equals,
    member_tag,
    metric,
    progress_metric,
    view_name,
)
from ablations.tracking.reader import read_plans
from ablations.tracking.store import connect


def view_state(plan: Plan, axis: str | None) -> str:
    """The runs of a study, in columns and charts, grouped by the level of `axis`, or by setting.

    A group is one line or bar, with its seeds as a band. By an axis those are left out in which
    the other axes are not at the baseline.
    """
    own = member_tag(plan.study)
    others = plan.baseline.items() if axis else ()
    conditions = [f"tags.`{own}` LIKE '%'"]
    conditions += [
        equals(member_tag(plan.study, name), level) for name, level in others if name != axis
    ]
    presentation, group = presentation_of(plan), member_tag(plan.study, axis)
    levels = {cell.levels[axis] if axis else cell.label for cell in plan.runs.values()}
    section = {"uuid": "study", "name": plan.study, "display": True, "isReordered": False}
    state: dict[str, Any] = {
        "searchFilter": " AND ".join(conditions),
        **_order(plan, presentation),
        "groupBy": {
            "aggregateFunction": "average",
            "groupByKeys": [{"mode": "tag", "groupByData": group}],
        },
        "groupsExpanded": {f"tag.{group}.{level}": False for level in sorted(levels)},
        "runsHiddenMode": "SHOWALL",  # else ten groups
        "selectedColumns": [
            f"tags.`{own}`",
            *(f"metrics.`{metric(name)}`" for name in presentation.columns),
        ],
    }
    charts = [_line(plan, chart) for chart in presentation.charts]
    charts += [_card(metric(name), "BAR") for name in presentation.columns]
    if charts:
        state["compareRunCharts"] = charts
        state["compareRunSections"] = [section | {"columns": 2}]
        state["isAccordionReordered"] = True  # ours first, not in the order of names
    return json.dumps(state)


def _order(plan: Plan, presentation: Presentation) -> dict[str, Any]:
    """The best first. By time MLflow would also show the runs that stand for seeds."""
    goals = {one.name: one.goal for one in plan.metrics}
    name = next((name for name in presentation.columns if goals.get(name)), None)
    by = f"metrics.`{metric(name)}`" if name else "tags.`mlflow.runName`"
    return {"orderByKey": by, "orderByAsc": name is None or goals[name] == "minimize"}


def _line(plan: Plan, chart: Chart) -> dict[str, Any]:
    """A chart of what runs log, or of a table."""
    curve = curve_of(plan, chart)
    shown = curve.metric if curve else progress_metric(chart.metric)
    over = curve.over_metric if curve else None
    return {
        **_card(shown, "LINE"),
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
        "displayPoints": False,
        "ignoreOutliers": False,
    }


def _card(shown: str, kind: str) -> dict[str, Any]:
    """A chart of a metric, whose name MLflow makes the title."""
    return {
        "type": kind,
        "uuid": shown,
        "metricSectionId": "study",
        "deleted": False,
        "isGenerated": False,
        "metricKey": shown,
    }


def view_path(experiment: str, study: str, axis: str | None) -> str:
    """Where the UI shows the prepared view of a study, grouped by `axis`."""
    query = f"viewStateShareKey={view_name(study, axis)}&compareRunsMode=CHART&{TRAINING}"
    return f"/#/experiments/{experiment}/runs?{query}"


def run_path(experiment: str, run_id: str) -> str:
    """Where the UI shows a run."""
    return f"/#/experiments/{experiment}/runs/{run_id}?{TRAINING}"


def prepare_views(uri: str) -> Iterator[View]:
    """Write the views of every tracked study, and give them.

    The one without an axis shows all settings of a study. Each experiment gets a note
    with the questions of its studies.

    Raises:
        UserError: the store does not answer.
    """
    client = connect(uri)
    with reaching(uri):
        notes: dict[str, list[str]] = {}
        for experiment, plan in read_plans(client).values():
            plan = with_results(plan)
            notes.setdefault(experiment, []).append(f"- **{plan.study}**: {plan.question}")
            for axis in (None, *plan.axes):
                tag = VIEW_TAG + view_name(plan.study, axis)
                client.set_experiment_tag(experiment, tag, view_state(plan, axis))
                yield View(plan.study, axis or "", view_path(experiment, plan.study, axis))
        for experiment, lines in notes.items():
            client.set_experiment_tag(experiment, NOTE_TAG, "\n".join(lines))
