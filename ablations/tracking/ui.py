"""The MLflow UI, served and opened on the views of studies."""

from __future__ import annotations

import os
import socket
import sys
import time
import urllib.request
import webbrowser
from collections.abc import Sequence
from contextlib import suppress

import click

from ablations.errors import UserError
from ablations.runs.home import Home
from ablations.tracking.names import View

DEFAULT_PORT = 5000
READY_SECONDS = 60  # a server needs some 10


def serve(
    home: Home, uri: str, host: str, port: int, views: Sequence[View], show: bool = False
) -> None:
    """Print the views and serve the UI until interrupted; a server that runs already is enough.

    Arguments:
        show: open the first view in a browser.

    Raises:
        UserError: the port is taken.
    """
    running = uri.startswith("http")
    if not running:
        _check_port(host, port)
    base = uri.rstrip("/") if running else f"http://{host}:{port}"
    click.echo("Runs of each study, by seed and grouped by each axis, with charts:")
    for study, axis, path in views:
        click.echo(f"  {study:14} {axis or '(by seed)':20} {base}{path}")
    if show and views:
        _open_when_ready(base, views[0].path)
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
