"""The MLflow UI, served and opened in a real browser on the prepared views."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from ablations.errors import UserError
from ablations.tracking.ui import Address, _environment
from helpers.colleague import as_colleague
from helpers.commands import TOY, command, run_ablate
from helpers.processes import wait_for
from helpers.servers import free_port, wait_for_server


@contextmanager
def served(home, port, *arguments, before=(), **environment):
    """`ablate ui`, and what it said until it served."""
    server = subprocess.Popen(
        [*before, *command(home, "ui", "toy", "--port", str(port), *arguments)],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        said = ""
        while "stop with Ctrl-C" not in said:
            line = server.stdout.readline()
            assert line, said
            said += line
        wait_for_server(f"http://127.0.0.1:{port}/health")
        yield server, said
    finally:
        server.terminate()
        server.wait()


@pytest.mark.slow
def test_an_interruption_ends_the_server_quietly(tmp_path):
    """Ctrl-C in a terminal, while the server still begins: each of its processes would tell it."""
    assert run_ablate(tmp_path / "home", "run", TOY, "--seeds", "1").returncode == 0
    with subprocess.Popen(
        command(tmp_path / "home", "ui", "--port", str(free_port())),
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True},
        start_new_session=True,
    ) as ui:
        while "stop with Ctrl-C" not in ui.stdout.readline():
            assert ui.poll() is None
        wait_for(lambda: psutil.Process(ui.pid).children())
        servers = psutil.Process(ui.pid).children(recursive=True)
        os.killpg(ui.pid, signal.SIGINT)
        _, said = ui.communicate(timeout=60)
    assert (ui.returncode, said) == (130, "")
    assert not any(server.is_running() for server in servers)


def test_runs_are_grouped_by_an_axis(ablate, chromium, tmp_path):
    assert ablate("run", TOY, "--seeds", "1").returncode == 0
    port = free_port()
    opened = tmp_path / "opened"  # by a browser that only writes what it was given
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    with served(tmp_path / "home", port, "--open", BROWSER=str(browser)) as (_, said):
        link = re.search(r"toy +rule +(\S+)", said)[1]
        settings = re.search(r"toy +\(all settings\) +(\S+)", said)[1]
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        page.goto(link)
        for text in ("Group: plain", "Group: momentum"):
            page.get_by_text(text).first.wait_for(timeout=60_000)
        assert page.get_by_text("Model training").first.is_visible()
        assert page.get_by_text("Judges").count() == 0  # of the view for GenAI
        # the best accuracy over cost: a line a level, drawn by the UI itself
        chart = page.locator("[data-testid='experiment-view-compare-runs-card']").first
        chart.get_by_text("charts/stitch: at most macs").first.wait_for(timeout=60_000)
        lines = "document.querySelectorAll('.scatterlayer path.js-line').length >= 2"
        page.wait_for_function(lines)
        page.get_by_text("2 matching runs").wait_for()  # not at the baseline: rate=0.2
        assert page.get_by_text("Unassigned").count() == 0
        assert opened.read_text().strip() == settings
        page.goto(settings)
        for text in ("Group: baseline", "Group: rate=0.2"):
            page.get_by_text(text).first.wait_for(timeout=60_000)
        assert page.get_by_text("Unassigned").count() == 0
        page.close()
        # without a view: the study, below it its seed, below that the runs
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"http://127.0.0.1:{port}/#/experiments/1/runs")
        for row in ("study toy", "toy: seed 0"):
            page.get_by_text(row).first.wait_for(timeout=60_000)
            assert page.get_by_text("rate=0.2, seed 0").count() == 0
            page.locator("[role=row]", has_text=row).get_by_role("button").first.click()
        page.get_by_text("rate=0.2, seed 0").first.wait_for(timeout=60_000)
        page.close()
        unknown = ablate("ui", "tox")
        assert unknown.returncode == 2
        assert "study 'tox' is not tracked" in unknown.stderr
        assert "did you mean toy?" in unknown.stderr
        taken = ablate("ui", "--port", str(port))
        assert taken.returncode == 2
        assert f"try --port {port + 1}" in taken.stderr


def test_an_address_names_what_browsers_may_ask_for():
    address = Address("127.0.0.1", 5001, ["proxy.example.org"])
    assert address.base == address.local == "http://127.0.0.1:5001"
    assert {"localhost:5001", "[::1]:5001", "proxy.example.org", "proxy.example.org:5001"} <= set(
        address.hosts()
    )
    assert socket.gethostname() not in address.hosts()  # it does not listen there
    assert "https://proxy.example.org" in address.origins()
    for host in ("0.0.0.0", "::"):
        everywhere = Address(host, 5001)
        assert everywhere.base == f"http://{socket.gethostname()}:5001"
        assert f"{socket.gethostname()}:5001" in everywhere.hosts()


@pytest.mark.parametrize("name", ["", "http://proxy", "one,two", "a b"])
def test_what_is_no_host_name_is_refused(name):
    with pytest.raises(UserError, match="is no host name: write it like"):
        Address("127.0.0.1", free_port(), [name]).check()


def test_names_that_the_user_gives_mlflow_stay(monkeypatch):
    monkeypatch.setenv("MLFLOW_SERVER_ALLOWED_HOSTS", "mine.example.org")
    allowed = _environment(Address("127.0.0.1", 5001))["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")
    assert {"mine.example.org", "localhost:5001"} <= set(allowed)


def search(port: int, **headers: str) -> int:
    """HTTP status of what the UI asks to show runs, as from a browser with these headers."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/ajax-api/2.0/mlflow/runs/search",
        json.dumps({"experiment_ids": ["1"], "max_results": 1}).encode(),
        {"Content-Type": "application/json", **headers},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert json.load(answer)["runs"]
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_browsers_on_other_machines_are_served_by_name(ablate, home):
    assert ablate("run", TOY, "--seeds", "1").returncode == 0
    port, me = free_port(), socket.gethostname()
    proxy = "proxy.example.org"
    with served(home.root, port, "--host", "0.0.0.0", "--allowed-host", proxy) as (_, said):
        assert f"MLflow UI at http://{me}:{port}/#/experiments?" in said
        for name in (f"{me}:{port}", f"127.0.0.1:{port}", proxy):
            assert search(port, Host=name, Origin=f"http://{name}") == 200, name
        assert search(port, Host=f"{me}:{port}", Origin=f"https://{proxy}") == 200
        assert search(port, Host="stranger.example.org") == 403
        assert search(port, Host=f"{me}:{port}", Origin="http://stranger.example.org") == 403


def test_a_colleague_who_may_only_read_sees_a_copy(ablate, home):
    assert ablate("run", TOY, "--seeds", "1").returncode == 0
    before = home.store.read_bytes()
    port = free_port()
    with as_colleague(home.root) as colleague:
        with served(home.root, port, before=colleague) as (server, said):
            assert "can only be read: this shows a copy of its store as it is now" in said
            assert search(port) == 200
            copy = _copy_of(server)
            assert copy.exists()
        assert not copy.exists()
    assert home.store.read_bytes() == before


def _copy_of(server: subprocess.Popen[str]) -> Path:
    commands = [one.cmdline() for one in psutil.Process(server.pid).children(recursive=True)]
    return next(
        Path(word.removeprefix("sqlite:///"))
        for words in commands
        for word in words
        if word.startswith("sqlite:///")
    )
