"""The pipeline from Python."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import ablations
from ablations import UserError
from ablations.study.catalogue import load_study
from ablations.study.plans import save_plan
from helpers.commands import TOY, copy_tables
from helpers.states import one_of_each
from helpers.toy import PLAN, STUDY
from helpers.tracking import do, give_store
from studies.epochs import STUDY as EPOCHS

AXES = ["rate", "rule", "pace"]


@pytest.fixture
def done(home):
    """A home where all runs of a plan but the last are done."""
    save_plan(home, PLAN)
    for key in list(PLAN.runs)[:-1]:
        do(home, key)
    return home


def test_a_plan_is_a_row_a_run(home):
    found = ablations.plan(TOY, home=home.root, seeds=1)
    assert list(found.index) == list(PLAN.runs)
    assert list(found.columns) == ["seed", *AXES, "state", "expected_seconds"]
    assert set(found.state) == {"waiting"}
    assert found.rate.tolist() == [0.1, 0.2, 0.1, 0.1]
    assert found.pace.tolist() == [5, 5, 5, 10]
    assert found.rule.tolist() == ["plain", "plain", "momentum", "plain"]
    assert (found.expected_seconds > 0).all()
    assert not home.root.exists()


def test_changes_are_values_or_lists_of_them(home):
    chosen = {"rule": "plain", "rate": [0.3, 0.1], "steps": 7}
    found = ablations.plan(TOY, home=home.root, changes=chosen, seeds=1)
    assert found.rate.tolist() == [0.3, 0.1]
    nested = ablations.plan(EPOCHS, changes={"stages": [[0]], "epochs": 15}, home=home.root)
    assert list(nested.columns) == ["seed", "state", "expected_seconds"]


def test_results_are_a_row_a_finished_run(done):
    found = ablations.results("toy", home=done.root)
    assert list(found.index) == list(PLAN.runs)[:-1]
    assert list(found.columns[:5]) == ["seed", *AXES, "final"]
    metrics = done.run(found.index[0]).result()["metrics"]
    assert found.iloc[0][list(metrics)].to_dict() == metrics


def test_a_table_has_the_rows_of_all_finished_runs(done):
    found = ablations.table(TOY, "stitch", home=done.root)
    assert list(found.columns[:7]) == ["key", "seed", *AXES, "stitch", "route"]
    assert "correct" not in found
    assert "correct" in ablations.table(TOY, "stitch", home=done.root, binary=True)
    assert len(found) == 4 * (len(PLAN.runs) - 1)
    (first, *_) = found.key
    kept = pd.read_parquet(done.run(first).table("stitch"))
    assert found[found.key == first].top1.tolist() == kept.top1.tolist()


def test_names_that_axes_have_are_told_apart(done):
    axes = {"anchors": ("a",), "final": ("b",)}
    levels = {"anchors": "a", "final": "b"}
    cells = tuple(replace(cell, levels=levels) for cell in PLAN.cells)
    save_plan(done, replace(PLAN, study="other", axes=axes, baseline=levels, cells=cells))
    stitches = ablations.table("other", "stitch", home=done.root)
    assert set(stitches.anchors) == {"a"}
    assert set(stitches["stitch.anchors"]) == {"0", "1", "0-1"}
    found = ablations.results("other", home=done.root)
    assert set(found.final) == {"b"}
    assert "metric.final" in found


def test_nothing_done_is_a_table_without_rows(home):
    save_plan(home, PLAN)
    results = ablations.results("toy", home=home.root)
    for found in (results, ablations.table("toy", "stitch", home=home.root)):
        assert len(found) == 0
        assert {"seed", *AXES} <= {*found.columns}


def test_a_damaged_run_is_left_out_with_a_warning(done):
    first, second, *_ = PLAN.runs
    done.run(first).result_file.write_text("{}")
    done.run(second).table("stitch").write_bytes(b"")
    with pytest.warns(UserWarning, match=f"{first}.*is damaged") as told:
        assert first not in ablations.results("toy", home=done.root).index
    assert told[0].filename == __file__
    with pytest.warns(UserWarning, match=f"is damaged.*{second}.*is not the table"):
        assert set(ablations.table("toy", "stitch", home=done.root).key) == {list(PLAN.runs)[2]}


def test_status_tells_every_state(home):
    plan, keys, _ = one_of_each(home)
    save_plan(home, plan)
    found = ablations.status("toy", home=home.root)
    assert {key: found.state[key] for key in keys.values()} == {k: s for s, k in keys.items()}
    assert list(found.columns) == ["seed", *AXES, "state", "attempt", "detail"]


@pytest.mark.slow
def test_a_study_is_run(home, monkeypatch, capsys):
    monkeypatch.setattr("ablations.tracking.store._make_tables", copy_tables)
    chosen = {"home": home.root, "seeds": 1, "changes": {"rate": 0.1, "rule": "plain"}}
    assert ablations.run(TOY, workers=2, **chosen) == {"done": 2}
    assert "2 of 2 runs done" in capsys.readouterr().out
    assert ablations.run(Path(TOY), **chosen) == {"done": 2}
    assert "2 of 2 runs done already" in capsys.readouterr().out


def test_a_report_is_drawn_from_the_store(home, empty_store, monkeypatch, tmp_path):
    give_store(home, empty_store)
    asked = []

    class Plugin:
        @staticmethod
        def build_report(*given):
            asked.append(given)
            return given[2] / "index.html"

    monkeypatch.setattr("ablations.api.drawing_plugins", lambda: [Plugin])
    page = ablations.report(TOY, home=home.root)
    assert page == home.report("toy") / "index.html"
    ablations.report("toy", home=home.root, output=tmp_path, ui="http://host:1")
    assert asked == [
        (home.tracking_uri, "toy", home.report("toy"), None),
        (home.tracking_uri, "toy", tmp_path, "http://host:1"),
    ]


def test_a_study_made_here_runs_where_a_known_one_has_its_experiment(home, monkeypatch):
    asked = []
    monkeypatch.setattr("ablations.api.Launcher", lambda *given: asked.append(given))
    monkeypatch.setattr("ablations.api.prepare", lambda *given: None)
    monkeypatch.setattr("ablations.api.watch", lambda *given: exit())
    for study, name in ((EPOCHS, "epochs"), (replace(EPOCHS, title="Less time?"), "less-time")):
        with pytest.raises(SystemExit):
            ablations.run(study, home=home.root)
        _, reference, expansion, *_ = asked.pop()
        assert load_study(reference)[1].experiment is EPOCHS.experiment
        assert expansion.plan.study == name


def no_study(**changes):
    return lambda home: ablations.run(replace(STUDY, **changes), home=home)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (no_study(), "cannot load the experiment 'toy' of a Study that was made here: write both"),
        (lambda home: ablations.plan(replace(EPOCHS, title="Overview")), "another title than 'Ov"),
        (lambda home: ablations.plan("overvew"), "did you mean overview?"),
        (lambda home: ablations.plan(3), "a study is its name, the path of its file, or a Study"),
        (lambda home: ablations.plan(""), "a study is its name, the path of its file, or a Study"),
        (lambda home: ablations.plan(TOY, seeds=0), "seeds cannot be 0: it should be a whole"),
        (lambda home: ablations.plan(TOY, seeds=True), "seeds cannot be True"),
        (lambda home: ablations.run(TOY, home=home, workers=1.5), "workers cannot be 1.5"),
        (lambda home: ablations.plan(TOY, changes="rate=1"), "changes are values by name"),
        (lambda home: ablations.plan(TOY, changes={3: 1}), "changes are values by name"),
        (lambda home: ablations.plan(TOY, changes={"rate": []}), "rate has no values"),
        (lambda home: ablations.plan(TOY, changes={"rte": 1}), "did you mean rate?"),
        (lambda home: ablations.plan(EPOCHS, changes={"stages": [0]}), "it should be a list"),
        (lambda home: ablations.plan(TOY, scale=3), "scale cannot be 3: it should be a name"),
        (lambda home: ablations.run(TOY, home=home, tracking_uri="x"), "should begin with http"),
        (lambda home: ablations.results("toy", home=home), "was never run in .* no study was run"),
        (lambda home: ablations.report("toy", home=home), "nothing is tracked in"),
    ],
)
def test_mistakes_are_one_sentence(home, call, says):
    with pytest.raises(UserError, match=says) as told:
        call(home.root)
    assert "\n" not in str(told.value)
    assert not home.root.exists()


def test_an_unknown_table_is_told_with_those_there_are(done):
    with pytest.raises(UserError, match="keep no table 'stich': did you mean stitch"):
        ablations.table("toy", "stich", home=done.root)


def test_the_home_is_that_of_the_command_line(done, monkeypatch):
    monkeypatch.setenv("ABLATE_HOME", str(done.root))
    assert len(ablations.results("toy")) == len(PLAN.runs) - 1


@pytest.mark.slow
def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, ablations; print({'pandas', 'pydantic', 'rich'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"
