"""A home that an earlier version left is read: nothing of it is changed, nothing is lost."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import tarfile
from pathlib import Path

import pytest

import snnet
from ablations.runs.directory import State
from ablations.runs.home import Home
from ablations.study.plans import plan_of
from helpers.commands import STUDIES, TOY, run_ablate
from helpers.runs import states

pytestmark = pytest.mark.slow
HOMES = Path(__file__).parents[1] / "homes"
MADE_AT = "/tmp/fx/home"
SMALL = str(STUDIES / "small.py")


@pytest.fixture
def home(tmp_path):
    """The home, at another path: MLflow's database holds that of its files."""
    with tarfile.open(HOMES / "before_folders.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    home = Home(tmp_path / "home")
    database = sqlite3.connect(home.store)
    with database:
        for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri")):
            change = f"UPDATE {table} SET {column} = replace({column}, ?, ?)"
            database.execute(change, (MADE_AT, str(home.root)))
    database.close()
    return home


def ablate(home, *arguments):
    done = run_ablate(home.root, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def digests(home):
    """What every file of the runs holds; the time of a heartbeat is part of a run, too."""
    return {
        path: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime)
        for path in (home.root / "runs").rglob("*")
        if path.is_file()
    }


def test_it_is_shown_and_tracked_as_it_is(home):
    before = digests(home)
    assert len(before) > 100
    shown = ablate(home, "status")
    assert "small (scale digits): 4 done" in shown
    assert "toy-search (scale small): 8 done" in shown
    assert "toy (scale small): 3 failed" in shown
    # what is new in the store comes when asked for
    for arguments, changed in ((["sync"], 0), (["sync", "--all"], 12), (["sync", "--all"], 0)):
        assert ablate(home, *arguments).startswith(f"{changed} runs brought up to date")
    assert ablate(home, "repair") == f"nothing to mend in {home.root}\n"
    assert "     2  286.8 kB  trained networks of finished runs\n" in ablate(home, "gc", "--models")
    assert "the toy was told to fail [/bold]" in ablate(home, "logs", "50fee0834")
    assert digests(home) == before


def test_runs_of_an_earlier_schema_are_asked_for_anew_and_its_own_stay(home):
    before, asked = digests(home), plan_of(home, "small").runs
    assert ablate(home, "plan", SMALL).count("waiting") == 4  # a seed draws more than it did
    assert plan_of(home, "small").runs == asked
    assert digests(home) == before
    assert "0.06052  rule=momentum, rate=0.116" in ablate(home, "search", TOY, "--show")
    # which code of the user's experiment its trials are of nobody knows
    search = ["--objective", "error", "--over", "rate=0.01:0.3:log"]
    refused = run_ablate(home.root, "search", TOY, "--trials", "4", *search)
    assert refused.returncode == 2
    assert "search toy-search was begun with other code of its experiment" in refused.stderr
    assert digests(home) == before
    assert ablate(home, "retry", "toy").startswith("3 failed runs")
    assert states(home) == {State.DONE: 12, State.WAITING: 3}


def test_it_is_reported_and_its_networks_are_loaded(home, tmp_path):
    pages = tmp_path / "reports"
    ablate(home, "report", "--all", "--output", str(pages))
    page = (pages / "small/index.html").read_text()
    assert "least squares starts better than Kaiming" in page
    assert (pages / "toy-search/trials.png").exists()
    assert len((pages / "claims.csv").read_text().splitlines()) == 2
    with_network = [run for run in home.runs() if (run.files / "model.safetensors").exists()]
    assert len(with_network) == 2
    for run in with_network:
        table = snnet.load(run.path).table
        metrics = json.loads((run.files / "result.json").read_text())["metrics"]
        assert table.top1.mean() == pytest.approx(metrics["mean_top1"])
