"""The MLflow UI, opened on views that group the runs of a study by an axis."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator

import click

from ablations.errors import UserError
from ablations.home import Home
from ablations.store import connect, reaching
from ablations.tracked import read_plans

# undocumented in MLflow: an experiment tag that the runs page loads its state from; a test in a
# real browser holds it
VIEW_TAG = "mlflow.sharedViewState."
COLUMNS = ("metrics.`mean_top1`", "metrics.`worst_top1`", "metrics.`train_seconds`")


def view_state(study: str, axis: str) -> str:
    """The runs of `study`, grouped by the level of `axis`, with the summary as columns."""
    keys = [{"mode": "tag", "groupByData": f"study.{study}.{axis}"}]
    return json.dumps(
        {
            "searchFilter": f"tags.`study.{study}` LIKE '%'",
            "groupBy": {"aggregateFunction": "average", "groupByKeys": keys},
            "selectedColumns": [f"tags.`study.{study}`", *COLUMNS],
            "compareRunsMode": "TABLE",
        }
    )


def prepare_views(uri: str) -> Iterator[tuple[str, str, str]]:
    """Write a view for every tracked study and axis; gives (study, axis, path in the UI).

    Raises:
        UserError: the store does not answer.
    """
    client = connect(uri)
    with reaching(uri):
        for experiment, plan in read_plans(client).values():
            study = plan["study"]
            for axis in plan["axes"]:
                view = f"{study}-{axis}"
                client.set_experiment_tag(experiment, VIEW_TAG + view, view_state(study, axis))
                path = f"/#/experiments/{experiment}/runs?viewStateShareKey={view}"
                yield study, axis, path


def serve(home: Home, uri: str, host: str, port: int) -> None:
    """Print the views and serve the UI until interrupted.

    Raises:
        UserError: the port is taken, or the store does not answer.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UserError(
                f"cannot listen on {host}:{port}: {error.strerror}; try --port {port + 1}"
            ) from None
    base = uri if uri.startswith("http") else f"http://{host}:{port}"
    click.echo("Runs grouped by an axis:")
    for study, axis, path in prepare_views(uri):
        click.echo(f"  {study:12} {axis:12} {base}{path}")
    if uri.startswith("http"):
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
