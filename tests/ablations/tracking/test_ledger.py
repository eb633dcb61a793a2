"""The ledger: what the collector remembers saves time, and is never believed too long."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from ablations.errors import UserError
from ablations.runs.home import Home
from ablations.study.expansion import expand
from ablations.study.plans import save_plan
from ablations.tracking.collector import Collector, RefusedError
from ablations.tracking.names import STUDY_TAG
from ablations.tracking.store import connect, search
from helpers.commands import command, run_ablate
from helpers.toy import PLAN, STUDY
from helpers.tracking import begin, do, give_store, tracked

KEYS = sorted(PLAN.runs)


@pytest.fixture
def home(tmp_path, empty_store):
    """With a plan of four runs, of which the first is done and tracked."""
    home = Home(tmp_path / "home")
    give_store(home, empty_store)
    save_plan(home, PLAN)
    do(home, KEYS[0])
    assert sync(home) == 1
    return home


def sync(home, uri=None, **how):
    return Collector(home, uri or home.tracking_uri).sync(**how)


def ledger(home):
    (path,) = (home.root / "ledgers").iterdir()
    return path


def headings(home):
    client = connect(home.tracking_uri)
    experiment = client.get_experiment_by_name("toy").experiment_id
    found = search(client, experiment, f"tags.`{STUDY_TAG}` LIKE '%'")
    return {run.data.tags[STUDY_TAG]: run for run in found}


def statuses(home):
    return {key: run.info.status for key, run in tracked(home).items()}


def test_what_is_remembered_as_finished_is_not_looked_at(home):
    before = ledger(home).stat()
    (home.run(KEYS[0]).path / "config.json").write_text("{")
    assert sync(home) == 0
    assert ledger(home).stat().st_mtime_ns == before.st_mtime_ns  # nothing new to write
    with pytest.raises(RefusedError, match=r"config\.json is damaged"):
        sync(home, everything=True)
    assert statuses(home) == {KEYS[0]: "FINISHED"}


def test_a_pass_searches_for_headings_once_however_many_studies_there_are(home, monkeypatch):
    for number in range(3):
        save_plan(home, replace(PLAN, study=f"other-{number}"))
    asked = []

    def counted(client, experiment, condition):
        asked.append(condition)
        return search(client, experiment, condition)

    monkeypatch.setattr("ablations.tracking.ledger.search", counted)
    sync(home)
    assert {PLAN.study, "other-0", "other-1", "other-2"} <= headings(home).keys()
    assert len([condition for condition in asked if STUDY_TAG in condition]) == 1


# with a ledger the store is asked for few keys that it lacks, and searched for more
@pytest.mark.parametrize(("remembered", "few"), [(True, 100), (True, 0), (False, 100)])
@pytest.mark.parametrize("moment", ["collector.deliver", "ledger.Ledger.save"])
@pytest.mark.slow
def test_killed_before_the_ledger_was_written(home, monkeypatch, moment, remembered, few):
    for key in KEYS[1:]:
        do(home, key)
    if not remembered:
        ledger(home).unlink()
    code = f"""
import os, sys
from pathlib import Path
from ablations.tracking import collector, ledger
from ablations.runs.home import Home
{moment} = lambda *_: os.kill(os.getpid(), 9)
collector.Collector(Home(Path(sys.argv[1])), sys.argv[2]).sync()
"""
    arguments = [sys.executable, "-c", code, str(home.root), home.tracking_uri]
    assert subprocess.run(arguments, check=False).returncode == -signal.SIGKILL
    made = {key: run.info.run_id for key, run in tracked(home).items()}
    assert len(made) > 1
    monkeypatch.setattr("ablations.tracking.collector.FEW", few)
    sync(home)
    assert statuses(home) == dict.fromkeys(KEYS, "FINISHED")
    assert made.items() <= {key: run.info.run_id for key, run in tracked(home).items()}.items()
    assert all("study.toy" in run.data.tags for run in tracked(home).values())
    assert sync(home) == 0


def test_a_pass_that_fails_half_way_keeps_what_it_did(home):
    for key in KEYS[1:]:
        do(home, key)
    blocked = home.run(KEYS[-1]).path / "config.json"
    blocked.unlink()
    blocked.symlink_to(blocked)
    with pytest.raises(UserError, match="Too many levels of symbolic links"):
        sync(home)
    assert all(key in ledger(home).read_text() for key in KEYS[:-1])
    assert statuses(home) == dict.fromkeys(KEYS[:-1], "FINISHED")


@pytest.mark.parametrize("used", [False, True])
def test_a_store_that_was_made_anew_gets_everything(ablate, home, tmp_path, used):
    """Also where somebody else used it meanwhile, so that it has an experiment of the same id."""
    store = home.root / "mlflow.db"
    store.unlink()
    if used:
        other = Home(tmp_path / "other")
        do(other, KEYS[1])
        assert run_ablate(other.root, "sync", "--tracking-uri", home.tracking_uri).returncode == 0
    assert ablate("sync").stdout.startswith("1 runs")
    assert ablate("sync").stdout.startswith("0 runs")
    store = store.rename(tmp_path / "new.db")  # this process still knows the old one by its name
    assert tracked(home, f"sqlite:///{store}")[KEYS[0]].info.status == "FINISHED"


def test_another_store_has_a_page_of_its_own(home, tmp_path):
    other = f"sqlite:///{tmp_path}/other.db"
    assert sync(home, other) == 1
    assert sync(home, other) == sync(home) == 0
    assert tracked(home, other).keys() == tracked(home).keys() == {KEYS[0]}


@pytest.mark.parametrize(
    "damage", [b"", b"\xff\x00", b"[]", b'{"toy": {"experiment": "1", "created": 0}}', None]
)
def test_a_damaged_ledger_is_made_anew(home, damage):
    whole = ledger(home).read_bytes()
    ledger(home).write_bytes(whole[:-20] if damage is None else damage)
    before = {key: run.to_dictionary() for key, run in tracked(home).items()}
    assert sync(home) == 0
    assert before == {key: run.to_dictionary() for key, run in tracked(home).items()}
    assert json.loads(ledger(home).read_text()) == json.loads(whole)


def test_a_run_at_work_that_somebody_deleted_is_tracked_anew(home):
    run = begin(home, KEYS[1])
    run.log(1, 5, {"loss": 0.5})
    assert sync(home) == 1
    client = connect(home.tracking_uri)
    deleted = tracked(home)[KEYS[1]].info.run_id
    client.delete_run(deleted)
    assert sync(home) == 0  # nothing is new
    run.log(2, 5, {"loss": 0.4})
    assert sync(home) == 1
    again = tracked(home)[KEYS[1]].info.run_id
    assert again != deleted
    history = client.get_metric_history(again, "progress/loss")
    assert [point.step for point in history] == [1, 2]  # from the beginning


def test_a_finished_run_that_somebody_deleted_comes_back_with_all(ablate, home):
    connect(home.tracking_uri).delete_run(tracked(home)[KEYS[0]].info.run_id)
    assert ablate("sync").stdout.startswith("0 runs")
    assert tracked(home) == {}
    assert ablate("sync", "--all").stdout.startswith("1 runs")
    assert statuses(home) == {KEYS[0]: "FINISHED"}


def test_a_run_that_somebody_deleted_does_not_hold_a_new_plan_back(home):
    do(home, KEYS[1])
    sync(home)
    connect(home.tracking_uri).delete_run(tracked(home)[KEYS[0]].info.run_id)
    save_plan(home, expand("toy", STUDY, seeds=1, changes={"pause": ["0.001"]}).plan)
    sync(home)
    assert not any("study.toy" in run.data.tags for run in tracked(home).values())
    sync(home)
    assert statuses(home) == dict.fromkeys(KEYS[:2], "FINISHED")


def test_a_study_that_somebody_deleted_comes_back(home):
    client = connect(home.tracking_uri)

    def parents(*runs):
        return {run.data.tags["mlflow.parentRunId"] for run in runs}

    for deleted in (["toy"], ["toy, seed 0"], ["toy", "toy, seed 0"]):
        for name in deleted:
            client.delete_run(headings(home)[name].info.run_id)
        sync(home)
        assert headings(home).keys() == {"toy", "toy, seed 0"}
        study, seed = headings(home)["toy"], headings(home)["toy, seed 0"]
        assert parents(seed) == {study.info.run_id}
        assert parents(*tracked(home).values()) == {seed.info.run_id}


def test_an_experiment_that_somebody_deleted_is_named(home):
    client = connect(home.tracking_uri)
    identity = client.get_experiment_by_name("toy").experiment_id
    client.delete_experiment(identity)
    with pytest.raises(UserError, match=f"mlflow experiments restore -x {identity}"):
        sync(home)
    client.restore_experiment(identity)
    assert sync(home) == 0


def test_two_homes_that_track_the_same_run_make_one(home, tmp_path):
    other = Home(tmp_path / "other")
    shutil.copytree(home.root / "runs", other.root / "runs")
    sync(other, home.tracking_uri)
    for one in (home, other):
        do(one, KEYS[1])
        sync(one, home.tracking_uri)
    assert statuses(home) == dict.fromkeys(KEYS[:2], "FINISHED")


@pytest.mark.slow
def test_two_processes_that_collect_at_once_double_nothing(home):
    for key in KEYS[1:]:
        do(home, key)
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    both = [subprocess.Popen(command(home.root, "sync"), **silent) for _ in range(2)]
    for process in both:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
    assert statuses(home) == dict.fromkeys(KEYS, "FINISHED")
    assert sync(home) == 0
