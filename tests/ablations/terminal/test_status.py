"""Where runs stand, in each state there is: for programs and for people."""

from __future__ import annotations

import json
import re

import pytest

from ablations.files import write_json
from ablations.launch.timing import in_words, seconds_taken
from ablations.runs.directory import State
from ablations.runs.lease import STALE_SECONDS, Observer, Owner, take_lease
from ablations.terminal.status import WATCH_SECONDS, failures, print_json, show, study_status
from helpers.disks import age
from helpers.states import ERROR, disown, one_of_each
from helpers.toy import PLAN
from helpers.tracking import begin, do


@pytest.fixture(autouse=True)
def _without_slurm(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))


def test_a_study_with_a_run_in_each_state(home):
    plan, keys, running = one_of_each(home)
    running.log(1, 4, {"loss": 0.5})
    found = study_status(home, plan, home.observer())
    assert (found["study"], found["scale"], found["family"]) == ("toy", "small", "parabola")
    assert found["states"] == {**dict.fromkeys(map(str, State), 1), "waiting": 2}
    assert found["workers"] == {}
    assert found["troubles"] == []
    assert [run["key"] for run in found["runs"]] == [cell.key for cell in plan.cells]
    assert [run["name"] for run in found["runs"]] == [cell.name for cell in plan.cells]
    by_key = {run["key"]: run for run in found["runs"]}
    for state, key in keys.items():
        assert by_key[key]["state"] == state
        assert by_key[key]["attempt"] == (state not in (State.WAITING, State.DAMAGED))
    details = {state: by_key[key]["detail"] for state, key in keys.items()}
    at_work = by_key[keys[State.RUNNING]]
    used = f", {at_work['cpus_used']:.1f} CPUs"  # of this process
    assert (at_work["gpus_used"], details[State.RUNNING].endswith(used)) == ([], True)
    details[State.RUNNING] = details[State.RUNNING].removesuffix(used)
    assert details == {
        State.WAITING: "",
        State.RUNNING: "1/4, loss 0.500",
        State.LOST: "its worker died; the next launch goes on with it",
        State.FAILED: ERROR,
        State.CANCELLED: "the next launch goes on with it",
        State.DONE: in_words(by_key[keys[State.DONE]]["seconds"]),
        State.DAMAGED: f"{home.run(keys[State.DAMAGED]).path}/claim-1.json is damaged (host: field "
        "required); `ablate repair` sets it aside",
    }
    told = by_key[keys[State.RUNNING]]
    assert (told["step"], told["of"], told["seconds_left"]) == (1, 4, None)
    done = home.run(keys[State.DONE])
    assert by_key[done.key]["seconds"] == seconds_taken(done, done.result())
    # the running one and three that wait and one that was lost, one after the other, at no time
    assert found["seconds_left"] == pytest.approx(0, abs=60)


def test_what_all_attempts_took_is_told(home):
    key, *_ = PLAN.runs
    do(home, key)
    age(home.run(key).path / "claim-1.json", 240)
    (run, *_) = study_status(home, PLAN, home.observer())["runs"]
    assert run["seconds"] == pytest.approx(240, abs=59)
    assert run["detail"].startswith("4 min")


def test_the_time_left_is_told_while_somebody_works(home, capsys):
    first, second, *_ = PLAN.runs
    do(home, first)
    age(home.run(first).path / "claim-1.json", 240)
    assert study_status(home, PLAN, home.observer())["seconds_left"] is None
    begin(home, second)
    found = study_status(home, PLAN, home.observer())
    assert found["seconds_left"] == pytest.approx(3 * 240, abs=60)
    show(home, [PLAN], watch=False)
    said = " ".join(capsys.readouterr().out.split())
    assert re.search(r"about 1[12] min( \d+ s)? left at the speed so far", said)


def test_where_a_run_is_at_work_is_told(home):
    key, *_ = PLAN.runs
    begin(home, key)
    write_json(home.run(key).path / "attempt-1.json", {"host": "box", "job": "12_3"})
    (run, *_) = study_status(home, PLAN, home.observer())["runs"]
    assert (run["node"], run["job"], run["attempt"]) == ("box", "12_3", 1)
    assert run["detail"].startswith("starting, box, job 12_3")
    home.run(key).release(1)
    take_lease(home.run(key).path, 2)
    write_json(home.run(key).path / "attempt-2.json", {"host": "box"})
    (run, *_) = study_status(home, PLAN, home.observer())["runs"]
    assert run["detail"].startswith("starting, box, attempt 2")


def test_watching_into_a_pipe_prints_a_block_each_time(home, monkeypatch, capsys):
    home.prepare()
    looks = []

    def sleep(seconds):
        if seconds != WATCH_SECONDS:  # of a run that is done meanwhile
            return
        looks.append(seconds)
        do(home, list(PLAN.runs)[len(looks)])
        if len(looks) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("ablations.terminal.status.time.sleep", sleep)
    with pytest.raises(KeyboardInterrupt):
        show(home, [PLAN], watch=True)
    heads = [line for line in capsys.readouterr().out.splitlines() if line.startswith("toy (")]
    assert [head.partition(": ")[2] for head in heads] == [
        "4 waiting",
        "3 waiting, 1 done",
        "2 waiting, 2 done",
    ]


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


def test_programs_get_the_same_as_json(home, capsys, monkeypatch):
    monkeypatch.setattr("ablations.terminal.status.measure_use", lambda owners: {})  # it changes
    plan, _, _ = one_of_each(home)
    print_json(home, [plan, plan])
    first, second = json.loads(capsys.readouterr().out)
    assert first == second == study_status(home, plan, home.observer())


def test_people_get_a_line_and_a_table(home, capsys):
    plan, keys, _ = one_of_each(home)
    show(home, [plan], watch=False)
    head, _, *lines = capsys.readouterr().out.splitlines()
    rows = [line for line in lines if not line.startswith(" ")]  # a long path goes on below
    assert head.startswith("toy (scale small): ")
    for part in ("2 waiting", *(f"1 {state}" for state in keys if state is not State.WAITING)):
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


@pytest.fixture
def squeue(home, tmp_path):
    """Makes a cluster, to which the study was launched; its queue is what a shell script says."""
    launch = home.launches / "toy-1"
    launch.mkdir(parents=True)
    (launch / "launch.json").write_text('{"name": "toy"}')

    def write(script):
        for name in ("sbatch", "srun", "squeue"):
            command = tmp_path / name
            command.write_text(f"#!/bin/sh\n{script}\n")
            command.chmod(0o755)

    return write


def test_why_workers_wait_is_told(home, squeue, capsys):
    lines = "12_0|PENDING|QOSMaxJobsPerUserLimit||1:00|toy-1", "13|PENDING|JobHeldUser||1:00|toy-1"
    squeue("\n".join(f"echo '{line}'" for line in lines))
    found = study_status(home, PLAN, home.observer())
    assert found["workers"] == {"PENDING": 1, "stuck": 1}
    assert [(job["number"], job["stuck"]) for job in found["jobs"]] == [("12_0", 0), ("13", 1)]
    assert found["seconds_left"] is None
    show(home, [PLAN], watch=False)
    said = capsys.readouterr().out
    told = "1 workers pending: QOSMaxJobsPerUserLimit (the QOS lets you run no more at once)"
    assert told in said
    assert "1 workers stuck: JobHeldUser (you hold it;" in said


def test_a_cluster_that_does_not_answer_is_told(home, squeue, capsys):
    """Whose commands are there, and fail."""
    squeue("exit 1")
    assert study_status(home, PLAN, home.observer())["workers"] is None
    show(home, [PLAN], watch=False)
    assert "the cluster does not answer" in capsys.readouterr().out
