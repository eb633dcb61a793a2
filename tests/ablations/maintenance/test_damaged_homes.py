"""Whatever stands in a home's files: one sentence, the rest goes on, and repair mends it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from ablations.cli.main import main
from ablations.launch.requests import Request
from ablations.launch.worker import Worker
from ablations.runs.directory import State
from ablations.runs.home import Home
from ablations.runs.lease import Observer
from ablations.study.plans import save_plan
from helpers.commands import TOY
from helpers.disks import age
from helpers.doers import Here
from helpers.states import dead_owner, disown, fail
from helpers.toy import PLAN, STUDY, TWO_SEEDS
from helpers.tracking import do

DONE, FAILED, WAITING, OTHER = list(PLAN.runs)
LAUNCH = "launches/toy-20260101-120000-abcdef"
RECORDS = [
    f"runs/{DONE}/claim-1.json",
    f"runs/{DONE}/attempt-1.json",
    f"runs/{DONE}/config.json",
    f"runs/{DONE}/result/result.json",
    f"runs/{FAILED}/claim-1.json",
    f"runs/{FAILED}/failure-1.json",
]
OUTSIDE = ["studies/other.json", f"{LAUNCH}/launch.json", f"{LAUNCH}/requests.json"]
SHAPES = [b"", b"{", b"[]", b"null", b"3", b'"x"', b"\xff\0\xfe", None]
WRONG = {  # beside all that it must hold, one field of another type
    "claim": {"host": "a", "pid": "many", "birth": ""},
    "attempt": {"started": [], "host": "a"},
    "config": {"experiment": 3, "schema": 1, "config": {}},
    "result": {"metrics": [], "tables": [], "started": 1.0, "ended": 2.0, "provenance": {}},
    "failure": {"error": 3, "traceback": "", "ended": 1.0},
    "other": {**PLAN.record(), "cells": [{"key": "a", "seed": "x", "levels": PLAN.baseline}]},
    "launch": {"name": 3},
    "requests": [{"key": 3}],
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A home with two studies, a run that is done, one that failed, and a launch; to be copied."""
    home = Home(tmp_path_factory.mktemp("whole") / "home")
    for key in (DONE, OTHER):
        do(home, key)
    fail(home, FAILED)
    for key in (DONE, OTHER, FAILED):
        disown(home, key, dead_owner())
    path = home.run(FAILED).path / "config.json"
    shutil.copy(home.run(DONE).path / "config.json", path)
    save_plan(home, PLAN)
    record = {**PLAN.record(), "study": "other"}
    (home.studies / "other.json").write_text(json.dumps(record))
    launch = home.root / LAUNCH
    launch.mkdir(parents=True)
    content = {"name": "toy", "study": "toy", "provenance": {}, "submitted": 1.0, "code": None}
    (launch / "launch.json").write_text(json.dumps(content))
    (launch / "requests.json").write_text("[]")
    age(launch / "launch.json")
    return home.root


@pytest.fixture
def root(whole, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))  # no SLURM
    return Path(shutil.copytree(whole, tmp_path / "home"))


def damage(path, content):
    path.unlink()
    path.mkdir() if content is None else path.write_bytes(content)
    for one in (path, *path.parent.glob("heartbeat-*")):
        age(one, 7200)


def run(root, *arguments):
    """A command ends well or with a user error, never with a traceback."""
    done = CliRunner().invoke(main, ["--home", str(root), *arguments])
    assert isinstance(done.exception, SystemExit | None), (arguments, done.exception)
    assert done.exit_code in (0, 2), arguments
    notices = ("run ", "the cluster does not answer")
    said = [line for line in done.stderr.splitlines() if not line.startswith(notices)]
    assert len(said) == (done.exit_code == 2)
    return done


COMMANDS = [
    *(["status"], ["status", "toy"], ["status", "--json"], ["plan", TOY], ["retry", "toy"]),
    *(["gc"], ["gc", "--runs", "--models"], ["repair"], ["repair", "toy"]),
    *(["logs", DONE], ["logs", FAILED], ["cancel", DONE], ["cancel", WAITING]),
]


@pytest.mark.parametrize("content", [*SHAPES, b"{}", "wrong"])
@pytest.mark.parametrize("name", [*RECORDS, *OUTSIDE])
def test_no_command_trips_over_a_damaged_file(root, name, content):
    path = root / name
    if content == "wrong":
        content = json.dumps(WRONG[path.stem.partition("-")[0]]).encode()
    if (path.stem.startswith("attempt") and content == b"{}") or (
        path.name == "requests.json" and content == b"[]"
    ):
        pytest.skip("that is sound")
    damage(path, content)
    for command in COMMANDS:
        run(root, *command)
    said = run(root, "status").stdout
    assert said.count(OTHER) == (1 if name == OUTSIDE[0] else 2)  # all that is sound is shown
    mended = run(root, "repair", "--yes")
    assert f"{path.name} is damaged -> set aside" in mended.stdout or (
        f"{path}: damaged -> set aside" in mended.stdout
    )
    assert "1 mended\n" in mended.stdout
    kept = list(root.rglob(f"{path.name}.damaged"))
    assert len(kept) == 1
    assert kept[0].is_dir() if content is None else kept[0].read_bytes() == content
    assert run(root, "repair").stdout == f"nothing to mend in {root}\n"
    assert run(root, "status").exit_code == 0


@pytest.mark.parametrize("name", RECORDS[:4])
def test_what_is_mended_is_done_again(root, name):
    damage(root / name, b"{}" if "attempt" not in name else b"[]")
    run(root, "repair", "--yes")
    home = Home(root)
    directory = home.run(DONE)
    seen = directory.inspect(Observer())
    if seen.state is not State.DONE:
        worker = Worker(home, STUDY.experiment, {}, Here(home, STUDY.experiment))
        config = STUDY.experiment.dump(TWO_SEEDS.configs[DONE])
        worker.lead([Request(DONE, config, seen.attempt)])
    assert directory.inspect(Observer()).state is State.DONE


def test_damage_is_told_and_the_other_runs_are_shown(root):
    path = root / RECORDS[0]
    damage(path, b"{}")
    found = run(root, "status", "toy")
    sentence = f"{path} is damaged (host: field required); `ablate repair` sets it aside"
    assert found.exit_code == 2
    assert found.stderr == f"ablate: {sentence}\n"
    assert "1 damaged" in found.stdout
    (shown,) = json.loads(run(root, "status", "toy", "--json").stdout)
    states = {one["key"]: one["state"] for one in shown["runs"]}
    assert states == {DONE: "damaged", FAILED: "failed", WAITING: "waiting", OTHER: "done"}


def test_a_bad_plan_is_told_and_the_other_studies_are_shown(root):
    path = root / "studies/other.json"
    damage(path, b"[]")
    found = run(root, "status")
    assert found.exit_code == 2
    assert found.stderr == (
        f"ablate: {path} is damaged (input should be an object); `ablate repair` sets it aside\n"
    )
    assert found.stdout.startswith("toy (scale small): ")
    assert run(root, "status", "toy").exit_code == 0
    assert run(root, "retry", "other").stderr == found.stderr
    assert run(root, "retry", "toy").stdout == "1 failed runs will be tried again\n"
    nothing = f"run {DONE} is done: there is nothing to cancel\n"
    assert run(root, "cancel", DONE[:8]).stdout == nothing
    assert run(root, "logs", FAILED[:8]).exit_code == 0
    assert run(root, "cancel", "0bad").stderr == found.stderr  # that plan may have planned it


def test_runs_that_a_damaged_plan_may_ask_for_are_not_offered(root):
    (root / "studies/toy.json").unlink()
    shutil.rmtree(root / LAUNCH)  # without SLURM nobody knows of its jobs
    plan = root / "studies/other.json"
    damage(plan, b"[]")
    refused = run(root, "gc", "--runs", "--yes")
    assert refused.exit_code == 2
    assert f"{plan} is damaged" in refused.stderr
    assert (root / "runs" / FAILED).exists()
    run(root, "repair", "--yes")
    refused = run(root, "gc", "--runs", "--yes")  # it still tells what nobody can read
    assert "may have asked for runs: none is offered while it is there" in refused.stderr
    assert (root / "runs" / DONE).exists()
    plan.with_name("other.json.damaged").unlink()
    assert run(root, "gc", "--runs", "--yes").exit_code == 0
    assert list((root / "runs").iterdir()) == []


def test_damaged_lines_of_progress_are_left_out(root):
    directory = Home(root).run(DONE)
    (file,) = directory.files.glob("progress-*.jsonl")
    before = directory.progress()
    lines = ["{}", "[]", "null", '{"time": "x", "phase": "a"}', '{"time": 1e30, "phase": "a"}']
    lines += ['{"time": 1.0, "step": 1}', '{"time": 1.0, "step": "x", "of": 2, "metrics": {}}']
    file.write_text("".join(f"{line}\n" for line in lines) + file.read_text())
    assert directory.progress() == before
    damage(file, None)
    for command in COMMANDS:
        run(root, *command)
    assert "progress-1.jsonl is damaged -> set aside" in run(root, "repair", "--yes").stdout


def test_what_was_set_aside_before_stays(root):
    path = root / RECORDS[1]
    for content in (b"[1]", b"[2]"):
        path.write_bytes(content)
        assert "1 mended" in run(root, "repair", "--yes").stdout
    kept = [path.with_name(path.name + suffix) for suffix in (".damaged", ".damaged.damaged")]
    assert [one.read_bytes() for one in kept] == [b"[1]", b"[2]"]
