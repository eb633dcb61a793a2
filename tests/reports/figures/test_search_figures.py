"""What a search leaves in MLflow is drawn from there alone, and opened by Optuna's dashboard."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from ablations.errors import UserError
from ablations.runs.home import Home
from ablations.search.journal import KEYS
from ablations.tracking.reader import read_study
from helpers.commands import TINY, TOY, run_ablate
from helpers.searching import read_journal, trials_of
from helpers.servers import free_port, wait_for_server
from reports.build import build_report
from reports.drawing.style import encode
from reports.figures import applicable, draw

# its searches are made once
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("search figures")]
SEARCH = ("search", TOY, "--seeds", "1", "--set", "steps=20,30")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("searched") / "home"
    for arguments in (
        ("run", TOY, "--seeds", "1", "--set", "steps=20,30", "--name", "lattice"),
        (*SEARCH, "--objective", "error", "--over", "rate=0.05:0.6", "--prune", "curves",
         "--set", "pause=0.02", "--trials", "12", "--name", "one"),
        (*SEARCH, "--objective", "pareto", "--over", "rate=0.05:0.6:log", "--trials", "6",
         "--name", "two"),
        (*SEARCH, "--objective", "error", "--set", "rule=plain,momentum", "--trials", "2",
         "--name", "short"),
    ):  # fmt: skip
        done = run_ablate(home, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
    shutil.rmtree(home / "runs")  # figures need MLflow alone
    return home


def study_of(home, name):
    return read_study(f"sqlite:///{home / 'mlflow.db'}", name)


def test_which_figures_apply_to_a_search(home, few_can_tell):
    own = {"trials", "choices", "importance", "curves"}
    for name, drawn in (("one", own), ("two", own - {"curves"})):
        assert {figure for figure, _ in applicable(study_of(home, name))} >= drawn
    assert not own & {figure for figure, _ in applicable(study_of(home, "lattice"))}


def test_figures_show_what_the_journal_holds(home):
    one = draw(study_of(home, "one"), "trials")
    trials = trials_of(Home(home), "one")
    values = [trial.value for trial in trials if trial.value is not None]
    assert one.data[one.data.state == "done"].value.tolist() == pytest.approx(values)
    assert one.data[one.data.best].value.is_monotonic_decreasing
    assert one.data[one.data.best].value.iloc[-1] == min(values)
    pruned = [trial.number for trial in trials if trial.state.name == "PRUNED"]
    assert one.data[one.data.state == "ended early"].trial.tolist() == pruned
    assert f"the baseline {values[0]:.4f}" in one.caption
    curves = draw(study_of(home, "one"), "curves").data
    assert set(curves[curves.state == "ended early"].trial) == set(pruned)
    last = curves[(curves.trial == 0) & (curves.percent == 100)].value.item()
    assert last == pytest.approx(values[0])
    choices = draw(study_of(home, "one"), "choices").data
    rates = choices[choices.choice == "rate"]
    done = [trial.params["rate"] for trial in trials if trial.value is not None]
    assert rates.position.tolist() == done
    two = draw(study_of(home, "two"), "trials")
    front = {(t.values[0], t.values[1]) for t in trials_of(Home(home), "two")}
    unbeaten = {
        one for one in front if not any(o[0] <= one[0] and o[1] <= one[1] for o in front - {one})
    }
    found = two.data[two.data.best][["value", "second"]]
    assert set(found.itertuples(index=False, name=None)) == unbeaten


@pytest.fixture
def few_can_tell(monkeypatch):
    """So that importances need no hundred trials."""
    monkeypatch.setattr("ablations.search.importance.FEWEST", 1)


def test_importance_needs_trials(home):
    with pytest.raises(UserError, match="4 settings are done, and 30 can tell"):
        draw(study_of(home, "short"), "importance")


def test_importance_counts_the_grid_in(home, few_can_tell):
    drawing = draw(study_of(home, "short"), "importance")
    grid = set(study_of(home, "lattice").plan.runs)
    tried = {trial.user_attrs[KEYS][0] for trial in trials_of(Home(home), "short")}
    assert f"over 2 trials and {len(grid - tried)} settings of grids" in drawing.caption
    assert drawing.data.importance.sum() == pytest.approx(100)


def test_a_grid_of_every_combination_has_importance_too(tmp_path, few_can_tell):
    study = tmp_path / "every.py"
    study.write_text(Path(TOY).read_text().replace("    seeds=2", '    design="factorial"'))
    assert run_ablate(tmp_path / "home", "run", str(study)).returncode == 0
    drawing = draw(study_of(tmp_path / "home", "every"), "importance")
    assert set(drawing.data.setting) == {"rate", "rule", "pace"}
    assert "over 8 settings of grids" in drawing.caption


def test_the_winner_is_drawn_against_the_baseline(home):
    study = study_of(home, "one")
    best = min(study.plan.search.done, key=lambda trial: trial.value)
    runs = study.replicates({name: str(value) for name, value in best.params.items()})
    name = f"best (trial {best.number})"
    for figure in ("accuracy", "difference", "start", "effects"):
        drawing = draw(study, figure)
        assert name in set(drawing.data.level), figure
    rows = draw(study, "accuracy").data
    top1 = rows[rows.level == name].set_index("route").top1
    expected = 100 * runs[0].table.set_index("route").top1
    assert top1.to_dict() == pytest.approx(expected[top1.index].to_dict())
    assert {axis for _, axis in applicable(study)} == {None}, "a section for an axis"
    with pytest.raises(UserError, match="there is no axis 'rate': a search has none"):
        draw(study, "accuracy", "rate")


def test_optuna_knows_what_the_values_are_called(home):
    for name, values in (("one", ["error"]), ("two", ["error", "passes"])):
        assert read_journal(Home(home), name).metric_names == values


def test_pages_of_searches_are_whole(home, chromium, tmp_path, few_can_tell):
    for name in ("one", "two"):
        study = study_of(home, name)
        for figure in ("trials", "choices", "importance"):
            drawings = [draw(study, figure) for _ in range(2)]
            assert encode(drawings[0].figure, "svg") == encode(drawings[1].figure, "svg")
            inner, outer = drawings[0].figure.get_tightbbox(), drawings[0].figure.bbox_inches
            assert min(inner.x0, inner.y0) >= -0.01, figure
            assert inner.x1 <= outer.x1 + 0.01, figure
            assert "$" not in encode(drawings[0].figure, "svg").decode(), "a formula as a label"
        page = chromium.new_page(viewport={"width": 390, "height": 844})
        page.goto(build_report(f"sqlite:///{home / 'mlflow.db'}", name, tmp_path / name).as_uri())
        assert page.locator("#trials svg").count() == 1
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.close()


def test_optunas_dashboard_opens_the_journal(home):
    dashboard = Path(sys.executable).with_name("optuna-dashboard")
    if not dashboard.exists():
        pytest.skip("needs optuna-dashboard (pip install optuna-dashboard)")
    port = free_port()
    command = [str(dashboard), str(Home(home).journal("one")), "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_server(f"http://127.0.0.1:{port}/api/studies")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/studies") as answer:
            (study,) = json.load(answer)["study_summaries"]
        assert study["study_name"] == "one"
        with urllib.request.urlopen(
            f"http://127.0.0.1:{port}/api/studies/{study['study_id']}"
        ) as answer:
            assert len(json.load(answer)["trials"]) == 12
    finally:
        server.terminate()
        server.wait()


def test_a_run_that_stitches_tells_how_good_it_is_while_it_trains(tmp_path):
    """A real one: validation images at rungs, by which a search ends runs."""
    arguments = ("--set", "epochs=4", "--seeds", "1", "--trials", "2", "--workers", "1")
    done = run_ablate(tmp_path / "home", "search", TINY, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    for trial in trials_of(Home(tmp_path / "home"), "tiny-search"):
        assert sorted(map(int, trial.user_attrs["curve"])) == [10, 25, 50]
    assert "curves" in {name for name, _ in applicable(study_of(tmp_path / "home", "tiny-search"))}
