"""A day of two people who share a home, on which much goes wrong and nothing is lost."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ablations.runs.home import Home
from helpers.colleague import GROUP, POWERS, STRANGER
from helpers.commands import TOY, command
from helpers.servers import free_port

ODD = "lr (log, %)+é"
ODD_STUDY = """
from dataclasses import replace
AXES = [Axis("pace (steps)", {"5 %": {"steps": 5}, "it's 12": {"steps": 12}})]
STUDY = replace(STUDY, axes=AXES, claims=(), seeds=1)
"""


@pytest.mark.slow
def test_all_studies_are_reported_in_the_end(shared, tmp_path):
    home = Home(shared / "home")
    study = tmp_path / f"{ODD}.py"
    study.write_text(Path(TOY).read_text() + ODD_STUDY)
    without = ",".join(f"-{power}" for power in POWERS)
    colleague = ["setpriv", f"--regid={GROUP}", "--clear-groups", f"--bounding-set={without}"]
    colleague += [f"--inh-caps={without}", "--"]

    def ask(who, *words):
        """One of the two gives a command; afterwards all files are another user's."""
        told = [*who, *command(home.root, *words)]
        done = subprocess.run(
            told, umask=0o002, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        subprocess.run(["chown", "-R", f"{STRANGER}:{GROUP}", str(home.root)], check=True)
        return done

    one_axis = ("--set", "rate=0.1", "--set", "pace=5", "--name", "mine")
    mine = ask((), "run", TOY, "--seeds", "1", "--workers", "1", *one_axis)
    assert mine.returncode == 0, mine.stdout + mine.stderr

    # a colleague's study of an odd name meets a server that is gone
    gone = f"http://someone:secret@127.0.0.1:{free_port()}"
    theirs = ask(colleague, "run", str(study), "--workers", "1", "--tracking-uri", gone)
    assert theirs.returncode == 1, theirs.stdout + theirs.stderr
    assert "2 of 2 runs done" in theirs.stdout
    assert "not everything was tracked: " in theirs.stdout
    assert "secret" not in theirs.stdout + theirs.stderr
    late = ask(colleague, "sync")
    assert late.stdout.startswith("1 runs brought up to date"), late.stdout + late.stderr

    # somebody harms a table in the store, and moves the home
    table = min(home.artifacts.rglob("stitch.parquet"))
    table.write_bytes(table.read_bytes()[:100])
    moved = home.root.rename(shared / "projects 100% done?")
    home = Home(moved)

    drawn = ask(colleague, "report", "--all")
    assert drawn.returncode == 0, drawn.stdout + drawn.stderr
    assert "1 tables are left out: run " in drawn.stdout
    mended = ask(colleague, "sync", "--all")
    assert mended.stdout.startswith("1 runs brought up to date"), mended.stdout + mended.stderr
    drawn = ask((), "report", "--all")
    assert drawn.returncode == 0, drawn.stdout + drawn.stderr
    assert "left out" not in drawn.stdout
    for name in ("mine", ODD):
        page = (home.report(name) / "index.html").read_text()
        assert "<html" in page
    assert not list(tmp_path.glob("*.db"))
    assert sorted(os.listdir(shared)) == [moved.name]
