"""Where runs stand, in each state there is: for programs and for people."""

from __future__ import annotations

import json

import pytest

from ablations.launch.timing import seconds_taken
from ablations.runs.directory import State
from ablations.runs.lease import STALE_SECONDS, Observer, Owner
from ablations.terminal.status import failures, print_json, show, study_status
from helpers.disks import age
from helpers.states import ERROR, disown, one_of_each
from helpers.toy import PLAN
from helpers.tracking import begin


@pytest.fixture(autouse=True)
def _without_slurm(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))


def test_a_study_with_a_run_in_each_state(home):
    plan, keys, running = one_of_each(home)
    running.log(1, 4, {"loss": 0.5})
    found = study_status(home, plan, home.observer())
    assert (found["study"], found["scale"], found["family"]) == ("toy", "small", "parabola")
    assert found["states"] == {**dict.fromkeys(map(str, State), 1), "waiting": 3}
    assert found["workers"] == {}
    assert found["troubles"] == []
    assert [run["key"] for run in found["runs"]] == [cell.key for cell in plan.cells]
    assert [run["name"] for run in found["runs"]] == [cell.name for cell in plan.cells]
    by_key = {run["key"]: run for run in found["runs"]}
    for state, key in keys.items():
        assert by_key[key]["state"] == state
        assert by_key[key]["attempt"] == (state is not State.WAITING)
    details = {state: by_key[key]["detail"] for state, key in keys.items()}
    assert details == {
        State.WAITING: "",
        State.RUNNING: "1/4, loss 0.500",
        State.LOST: "its worker died; the next launch goes on with it",
        State.FAILED: ERROR,
        State.CANCELLED: "the next launch goes on with it",
        State.DONE: "0 s",
    }
    told = by_key[keys[State.RUNNING]]
    assert (told["step"], told["of"], told["seconds_left"]) == (1, 4, None)
    result = home.run(keys[State.DONE]).result()
    assert by_key[keys[State.DONE]]["seconds"] == seconds_taken(home.run(keys[State.DONE]), result)


def test_an_owner_elsewhere_that_is_silent_is_told(home):
    key, *_ = PLAN.runs
    begin(home, key)
    disown(home, key, Owner("elsewhere", 1, ""))
    claim = home.run(key).path / "claim-1.json"

    def detail():
        return study_status(home, PLAN, home.observer())["runs"][0]["detail"]

    age(claim, STALE_SECONDS - 60)
    assert detail() == "starting"
    age(claim, 3600)
    # an observer that may write calls it lost; one that only begins to watch cannot know
    assert detail() == "its worker died; the next launch goes on with it"
    run, *_ = study_status(home, PLAN, Observer())["runs"]
    assert run["state"] == "running"
    assert run["detail"].startswith("starting; no sign of life for 1 h 1 min, if the clocks")


def test_programs_get_the_same_as_json(home, capsys):
    plan, _, _ = one_of_each(home)
    print_json(home, [plan, plan])
    first, second = json.loads(capsys.readouterr().out)
    assert first == second == study_status(home, plan, home.observer())


def test_people_get_a_line_and_a_table(home, capsys):
    plan, keys, _ = one_of_each(home)
    show(home, [plan], watch=False)
    head, _, *rows = capsys.readouterr().out.splitlines()
    assert head.startswith("toy (scale small): ")
    for part in ("3 waiting", "1 running", "1 lost", "1 failed", "1 cancelled", "1 done"):
        assert part in head
    assert len(rows) == len(plan.cells)
    (failed,) = (row for row in rows if keys[State.FAILED] in row)
    assert failed.startswith("failed")
    assert failed.rstrip().endswith(ERROR)  # not taken for markup


def test_what_failed_is_listed_with_its_error(home):
    plan, keys, _ = one_of_each(home)
    run = home.run(keys[State.FAILED])
    assert list(failures(home, plan)) == [(run, 1, ERROR)]


def test_what_keeps_workers_from_working_is_told(home, monkeypatch):
    for name, said in (("toy-1", "an old story"), ("toy-2", "cannot write there")):
        launch = home.launches / name
        launch.mkdir(parents=True)
        (launch / "launch.json").write_text('{"name": "toy"}')
        (launch / "trouble.txt").write_text(said)
    # only the last launch's counts
    said = ["a worker ended early: cannot write there"]
    assert study_status(home, PLAN, home.observer())["troubles"] == said
    monkeypatch.setattr("ablations.file_system.NEEDED_BYTES", 1e30)
    lack, *others = study_status(home, PLAN, home.observer())["troubles"]
    assert "MB are free on the disk of" in lack
    assert others == said


def test_a_cluster_that_does_not_answer_is_told(home, monkeypatch, tmp_path, capsys):
    """Whose commands are there, and fail."""
    launch = home.launches / "toy-1"
    launch.mkdir(parents=True)
    (launch / "launch.json").write_text('{"name": "toy"}')
    for name in ("sbatch", "srun", "squeue"):
        command = tmp_path / name
        command.write_text("#!/bin/sh\nexit 1\n")
        command.chmod(0o755)
    assert study_status(home, PLAN, home.observer())["workers"] is None
    show(home, [PLAN], watch=False)
    assert "the cluster does not answer" in capsys.readouterr().out
