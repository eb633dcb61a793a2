"""The MLflow UI, opened on views of a study: runs grouped by an axis, accuracy over MACs."""

from __future__ import annotations

import json
import os
import re
import socket
import sys
import time
import urllib.request
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import click

from ablations.errors import UserError
from ablations.runs.home import Home
from ablations.study.experiment import REPLICATE
from ablations.tracking.ledger import NOTE_TAG
from ablations.tracking.reader import read_plans
from ablations.tracking.store import connect, reaching

# undocumented in MLflow: an experiment tag that the runs page loads its state from; a test in a
# real browser holds it
VIEW_TAG = "mlflow.sharedViewState."
READY_SECONDS = 60  # a server needs some 10
View = tuple[str, str, str]  # study, axis or "", and path in the UI
CHARTS = (  # a metric, and the one that it is drawn over; None: the step
    ("stitch/top1", "stitch/macs"),
    ("stitch/top1_before", "stitch/macs"),
    ("progress/loss", None),
)
COLUMNS = ("metrics.`mean_top1`", "metrics.`worst_top1`", "metrics.`train_seconds`")


def view_state(plan: dict[str, Any], axis: str | None) -> str:
    """The runs of a study, in columns and charts, grouped by the level of `axis`, or by seed.

    By an axis those are left out in which the other axes are not at the baseline.
    """
    own = f"study.{plan['study']}"
    others = plan["baseline"].items() if axis else ()
    conditions = [f"tags.`{own}` LIKE '%'"]
    conditions += [f"tags.`{own}.{name}` = '{level}'" for name, level in others if name != axis]
    group = {"mode": "tag", "groupByData": f"{own}.{axis}"}
    seed = {"mode": "param", "groupByData": REPLICATE}
    section = {"uuid": "study", "name": plan["study"], "display": True, "isReordered": False}
    return json.dumps(
        {
            "searchFilter": " AND ".join(conditions),
            "groupBy": {
                "aggregateFunction": "average",
                "groupByKeys": [group if axis else seed],
            },
            "selectedColumns": [f"tags.`{own}`", *COLUMNS],
            "compareRunCharts": [_chart(*chart) for chart in CHARTS],
            "compareRunSections": [section],
            "isAccordionReordered": True,  # ours first, not in the order of names
        }
    )


def _chart(metric: str, over: str | None) -> dict[str, Any]:
    return {
        "type": "LINE",
        "uuid": metric,
        "metricSectionId": "study",
        "deleted": False,
        "isGenerated": False,
        "metricKey": metric,
        "selectedMetricKeys": [metric],
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
    query = f"viewStateShareKey={_view_name(study, axis)}&compareRunsMode=CHART"
    return f"/#/experiments/{experiment}/runs?{query}"


def run_path(experiment: str, run_id: str) -> str:
    """Where the UI shows a run."""
    return f"/#/experiments/{experiment}/runs/{run_id}"


def _view_name(study: str, axis: str | None) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{study}-{axis}" if axis else study)


def prepare_views(uri: str) -> Iterator[View]:
    """Write the views of every tracked study, and give them.

    The one without an axis shows all runs of a study, seed by seed.

    Each experiment gets a note with the questions of its studies.

    Raises:
        UserError: the store does not answer.
    """
    client = connect(uri)
    with reaching(uri):
        notes: dict[str, list[str]] = {}
        for experiment, plan in read_plans(client).values():
            study = plan["study"]
            notes.setdefault(experiment, []).append(f"- **{study}**: {plan['question']}")
            for axis in (None, *plan["axes"]):
                tag = VIEW_TAG + _view_name(study, axis)
                client.set_experiment_tag(experiment, tag, view_state(plan, axis))
                yield study, axis or "", view_path(experiment, study, axis)
        for experiment, lines in notes.items():
            client.set_experiment_tag(experiment, NOTE_TAG, "\n".join(lines))


def serve(
    home: Home, uri: str, host: str, port: int, views: Sequence[View], opening: bool = False
) -> None:
    """Print the views and serve the UI until interrupted; a server that runs already is enough.

    Arguments:
        opening: show the first view in a browser.

    Raises:
        UserError: the port is taken.
    """
    running = uri.startswith("http")
    if not running:
        _check_port(host, port)
    base = uri.rstrip("/") if running else f"http://{host}:{port}"
    click.echo("Runs of each study, by seed and grouped by each axis, with accuracy over MACs:")
    for study, axis, path in views:
        click.echo(f"  {study:14} {axis or '(by seed)':20} {base}{path}")
    if opening and views:
        _open_when_ready(base, views[0][2])
    if running:
        click.echo(f"The server at {uri} shows them.")
        return
    click.echo(f"MLflow UI at {base}; stop with Ctrl-C.")
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri]
    command += ["--host", host, "--port", str(port), "--workers", "1"]
    command += ["--default-artifact-root", home.artifacts.as_uri()]
    environment = {
        **os.environ,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    sys.stdout.flush()
    os.execve(sys.executable, command, environment)  # signals then reach the server itself


def _check_port(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UserError(
                f"cannot listen on {host}:{port}: {error.strerror}; try --port {port + 1}"
            ) from None


def _open_when_ready(base: str, path: str) -> None:
    """Open a page in the user's browser as soon as the server answers, from another process."""
    sys.stdout.flush()
    if os.fork():
        return
    try:
        for _ in range(READY_SECONDS):
            with suppress(OSError), urllib.request.urlopen(f"{base}/health", timeout=5):
                webbrowser.open(base + path)
                break
            time.sleep(1)
    finally:
        os._exit(0)
