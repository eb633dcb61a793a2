"""The MLflow UI, served and opened in a real browser on the prepared views."""

from __future__ import annotations

import os
import re
import subprocess

from helpers.commands import TOY, command
from helpers.servers import free_port, wait_for_server


def test_runs_are_grouped_by_an_axis(ablate, chromium, tmp_path):
    assert ablate("run", TOY, "--seeds", "1").returncode == 0
    port = free_port()
    opened = tmp_path / "opened"  # by a browser that only writes what it was given
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    server = subprocess.Popen(
        command(tmp_path / "home", "ui", "toy", "--open", "--port", str(port)),
        env={**os.environ, "BROWSER": str(browser)},
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
        link = re.search(r"toy +rule +(\S+)", said)[1]
        wait_for_server(f"http://127.0.0.1:{port}/health")
        by_seed = re.search(r"toy +\(by seed\) +(\S+)", said)[1]
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        page.goto(link)
        for text in ("Group: plain", "Group: momentum", "rule=momentum, seed 0"):
            page.get_by_text(text).first.wait_for(timeout=60_000)
        assert page.get_by_text("rate=0.2, seed 0").count() == 0  # not at the baseline
        # the UI draws accuracy over cost itself: a line a level through four stitches
        chart = page.locator("[data-testid='experiment-view-compare-runs-card']").first
        chart.get_by_text("stitch/macs").first.wait_for(timeout=60_000)
        page.wait_for_function("document.querySelectorAll('.scatterlayer path.point').length >= 8")
        assert opened.read_text().strip() == by_seed
        page.goto(by_seed)
        for text in ("Group: 0", "rate=0.2, seed 0"):
            page.get_by_text(text).first.wait_for(timeout=60_000)
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
    finally:
        server.terminate()
        server.wait()
