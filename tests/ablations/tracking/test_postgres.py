"""An MLflow server whose backend is PostgreSQL, as a team has it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from ablations.runs.home import Home
from helpers.commands import TOY
from helpers.servers import free_port, serving, sync_when_up
from helpers.tracking import tracked


@pytest.fixture
def postgres():
    """The URI of an empty database of a server on loopback."""
    programs = [
        *Path("/usr/lib/postgresql").glob("*/bin"),
        Path(shutil.which("initdb") or "").parent,
    ]
    where = next((path for path in programs if (path / "initdb").exists()), None)
    if where is None:
        pytest.skip("needs PostgreSQL (Debian: apt-get install postgresql)")
    as_user = []
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    if os.geteuid() == 0:  # which PostgreSQL refuses
        as_user = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres")

    def run(program, *arguments):
        command = [*as_user, str(where / program), *arguments]
        silent = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}  # it keeps them open
        subprocess.run(command, check=True, cwd=folder, timeout=60, **silent)

    port = free_port()
    listening = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
    run("initdb", "-D", f"{folder}/data", "-A", "trust", "-U", "postgres")
    run("pg_ctl", "-D", f"{folder}/data", "-l", f"{folder}/log", "-o", listening, "-w", "start")
    try:
        run("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "mlflow")
        yield f"postgresql+psycopg2://postgres@127.0.0.1:{port}/mlflow"
    finally:
        run("pg_ctl", "-D", f"{folder}/data", "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder)


def test_runs_and_reports_through_a_server_on_postgresql(ablate, postgres, tmp_path):
    port = free_port()
    uri = f"http://127.0.0.1:{port}"
    with serving(postgres, port, tmp_path):
        home = tmp_path / "home"
        home.mkdir()
        assert sync_when_up(ablate, uri).startswith("0 runs")
        done = ablate("run", TOY, "--seeds", "1", "--tracking-uri", uri)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "not everything was tracked" not in done.stdout
        assert {run.info.status for run in tracked(Home(home), uri).values()} == {"FINISHED"}
        assert sync_when_up(ablate, uri).startswith("0 runs")
        assert ablate("sync", "--all", "--tracking-uri", uri).stdout.startswith("0 runs")
        shutil.rmtree(home / "runs")  # the report needs the server alone
        report = ablate("report", "toy", "--tracking-uri", uri)
        assert report.returncode == 0, report.stderr
        assert (home / "reports/toy/index.html").exists()
