"""Freeing space: what nobody needs goes, what a job or a run may need stays."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from ablations.cli.main import main
from ablations.files import write_json
from ablations.launch.code_copy import copy_code
from ablations.maintenance.garbage import find_garbage, in_units
from ablations.runs.directory import State
from ablations.study.expansion import expand
from ablations.study.plans import plans_of, save_plan
from helpers.commands import SLOW, TOY, run_ablate
from helpers.disks import age
from helpers.hold import hold, release
from helpers.processes import DEADLINE, start, wait_for
from helpers.runs import states
from helpers.states import fail
from helpers.toy import PLAN, STUDY
from helpers.tracking import begin, do

CODE, LAUNCHES = "code copies that no launch uses", "launches that have ended"
LOCAL, RUNS = "files of local jobs that have ended", "runs that no study asks for"
MODELS = "trained networks of finished runs"
CACHES = "what runs keep for each other"


def gc(home, *arguments):
    done = run_ablate(home.root, "gc", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def garbage(home, jobs, models=False, runs=False, caches=False):
    """The names of what would go, by kind."""
    return {
        one.what: {path.name for path in one.paths}
        for one in find_garbage(home, jobs, models, runs, caches=caches)
        if one.paths
    }


def submitted(home, name, code, keys=()):
    """A launch as `make_launch` leaves it, long ago."""
    directory = home.launches / name
    directory.mkdir(parents=True)
    content = {"study": "toy", "name": "toy", "provenance": {}, "submitted": 0.0}
    content |= {"code": code} if code != "unknown" else {}
    write_json(directory / "launch.json", content)
    write_json(directory / "requests.json", [{"key": key} for key in keys])
    (directory / "12_3_0_log.out").write_text("a log")
    age(directory / "launch.json")
    return directory


def copied(home, name):
    code = home.root / "code" / name
    code.mkdir(parents=True)
    (code / "module.py").write_text("code")
    age(code)
    return str(code)


def test_what_a_queued_job_uses_stays(home):
    submitted(home, "toy-1", copied(home, "one"))
    submitted(home, "toy-2", copied(home, "two"))
    submitted(home, "toy-3", None)  # installed code
    everything = {CODE: {"one", "two"}, LAUNCHES: {"toy-1", "toy-2", "toy-3"}}
    assert garbage(home, {"9": "another's"}) == everything
    assert garbage(home, {"12_3": "toy-1"}) == {CODE: {"two"}, LAUNCHES: {"toy-2", "toy-3"}}
    assert garbage(home, {"15": "toy-3"}) == {CODE: {"one", "two"}, LAUNCHES: {"toy-1", "toy-2"}}
    assert garbage(home, None) == {}
    submitted(home, "toy-4", "unknown")
    assert garbage(home, {"16": "toy-4"}) == {LAUNCHES: {"toy-1", "toy-2", "toy-3"}}


def test_what_is_just_being_submitted_stays(home):
    os.utime(submitted(home, "toy-1", copied(home, "one")) / "launch.json")
    assert garbage(home, {}) == {}
    copy = copy_code(home)
    age(copy)
    assert garbage(home, {}) == {CODE: {copy.name}}
    copy_code(home)  # another launch wants it
    assert garbage(home, {}) == {}


def test_logs_that_a_run_still_needs_stay(ablate, home, tmp_path):
    assert ablate("run", TOY, "--seeds", "1", "--set", f"fail_unless={tmp_path}/0").returncode == 1
    run, *_ = home.runs()
    log = submitted(home, "toy-1", None) / "12_3_0_log.out"
    submitted(home, "toy-2", None)
    write_json(run.path / "attempt-1.json", {"started": 0.0, "job": "12_3", "log": str(log)})
    assert garbage(home, {}) == {LAUNCHES: {"toy-2"}}


@pytest.mark.slow
def test_files_of_local_jobs(home):
    hold(home)
    launcher = start(home, *SLOW)
    wait_for(lambda: states(home)[State.RUNNING] >= 2)
    working = {path.name for path in home.launches.glob("*.pkl")}
    (home.launches / "99999999_submitted.pkl").touch()  # no process has such a number
    for path in home.launches.glob("*.pkl"):
        age(path)
    assert garbage(home, {}) == {LOCAL: {"99999999_submitted.pkl"}}
    release(home)
    assert launcher.wait(DEADLINE) == 0
    results = set(home.launches.glob("*_result.pkl"))
    assert garbage(home, {}) == {LOCAL: working | {"99999999_submitted.pkl"}}
    for path in results:
        age(path)
    size = sum(path.stat().st_size for path in home.launches.glob("*.pkl"))
    count = len(list(home.launches.glob("*.pkl")))
    line = f"{count:6} {in_units(size):>9}  {LOCAL}\n"
    assert gc(home) == f"{line}nothing is changed: this needs --yes\n"
    assert gc(home, "--yes") == f"{line}{in_units(size)} freed\n"
    assert gc(home, "--yes") == f"nothing to free in {home.root}\n"
    assert {path.suffix for path in home.launches.iterdir()} == {".out"}


def test_networks_and_runs_only_when_asked_for(ablate, home, tmp_path):
    study, text = tmp_path / "toy.py", Path(TOY).read_text()
    for pause in ("0", "0.001"):  # the second question takes the place of the first
        study.write_text(text.replace('baseline={"rate"', f'baseline={{"pause": {pause}, "rate"'))
        done = ablate("run", str(study), "--seeds", "1")
        assert done.returncode == 0, done.stdout + done.stderr
    (plan,) = plans_of(home)
    asked = set(plan.runs)
    others = {run.key for run in home.runs()} - asked
    assert (len(asked), len(others)) == (4, 4)
    assert set(plan.earlier) == others
    assert garbage(home, {}, runs=True) == {}  # they were asked for once
    (home.studies / "toy.json").unlink()
    save_plan(home, replace(plan, earlier=()))
    for run in home.runs():
        (run.files / "model.safetensors").write_bytes(b"0" * 1000)
    unfinished = home.run(min(asked))
    (unfinished.files / "result.json").unlink()
    assert garbage(home, {}) == {}
    queued = min(others)
    submitted(home, "toy-1", None, [queued])
    some = garbage(home, {"12": "toy-1"}, models=True, runs=True)
    assert some == {RUNS: others - {queued}, MODELS: {"model.safetensors"}}
    shutil.rmtree(home.launches / "toy-1")
    log = submitted(home, "toy-2", None) / "12_3_0_log.out"
    write_json(home.run(queued).path / "attempt-1.json", {"job": "12_3", "log": str(log)})
    (home.run(queued).files / "result.json").unlink()
    assert garbage(home, {}) == {}
    assert garbage(home, {}, runs=True) == {RUNS: others, LAUNCHES: {"toy-2"}}
    shutil.rmtree(home.launches / "toy-2")
    listed = gc(home, "--models", "--runs", "--yes")
    assert f"     3    3.0 kB  {MODELS}\n" in listed
    assert {run.key for run in home.runs()} == asked
    left = [run.key for run in home.runs() if (run.files / "model.safetensors").exists()]
    assert left == [unfinished.key]
    assert states(home) == {State.DONE: 3, State.LOST: 1}
    assert not list(home.root.glob(".*.tmp"))


def test_caches_go_only_when_asked_for_and_nobody_works(home):
    first, second, *_ = PLAN.runs
    do(home, first)
    save_plan(home, PLAN)
    for name in ("answers/one/epoch-0", "answers/two/epoch-0", "anchors/dear.safetensors"):
        (home.cache / name).parent.mkdir(parents=True)
        (home.cache / name).write_bytes(b"0" * 500)
    assert garbage(home, {}, models=True, runs=True) == {}
    assert garbage(home, {}, caches=True) == {CACHES: {"one", "two"}}
    assert garbage(home, None, caches=True) == {}  # nobody knows whether a job is on its way
    listed = gc(home, "--caches", "--yes")
    assert f"     2    1.0 kB  {CACHES}\n1.0 kB freed\n" in listed
    assert [path.name for path in home.cache.rglob("*.*")] == ["dear.safetensors"]
    (home.cache / "answers" / "three").mkdir()
    begin(home, second)
    assert garbage(home, {}, caches=True) == {}


def test_a_run_that_somebody_works_on_stays(home):
    working, done, *_ = PLAN.runs
    begin(home, working)
    do(home, done)
    save_plan(home, replace(PLAN, title="Another question", cells=()))
    assert garbage(home, {}, runs=True) == {RUNS: {done}}


def test_finished_runs_stay_with_the_study_that_asked_for_them_once(home):
    done, failed, *_ = PLAN.runs
    do(home, done)
    fail(home, failed)
    save_plan(home, PLAN)
    variant = expand("toy", STUDY, seeds=1, changes={"steps": [3]}).plan
    assert not {done, failed} & variant.runs.keys()
    save_plan(home, variant)
    assert garbage(home, {}, runs=True) == {RUNS: {failed}}  # what never finished goes
    save_plan(home, replace(variant, question="Another?"))
    assert garbage(home, {}, runs=True) == {RUNS: {failed}}
    told = CliRunner().invoke(main, ["gc", "--help"]).output
    words = "A finished run stays with every study, variant and search that ever asked for it here"
    assert words in " ".join(told.split())


@pytest.mark.slow
def test_where_slurm_does_not_answer(home, tmp_path, monkeypatch):
    (tmp_path / "slurm.conf").write_text("ClusterName=none\nSlurmctldHost=localhost\n")
    monkeypatch.setenv("SLURM_CONF", str(tmp_path / "slurm.conf"))
    launch, code = submitted(home, "toy-1", None), copied(home, "one")
    pickle = home.launches / "99999999_submitted.pkl"
    pickle.write_bytes(b"0" * 500)
    age(pickle)
    done = run_ablate(home.root, "gc", "--runs", "--yes")
    assert done.returncode == 0
    skipped = "the cluster does not answer: code copies, launches and runs are left alone\n"
    assert done.stderr == skipped
    assert done.stdout == f"     1     500 B  {LOCAL}\n500 B freed\n"
    assert launch.exists()
    assert os.path.exists(code)
    assert not pickle.exists()


def test_a_launch_goes_with_all_that_is_in_it(home):
    launch = submitted(home, "toy-1", None)
    size = sum(path.stat().st_size for path in launch.iterdir())
    kept = find_garbage(home, {}, models=False, runs=False)
    assert {one.what: one.bytes for one in kept if one.paths} == {LAUNCHES: size}


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_950, "1.0 MB")]
)
def test_sizes_for_people(size, text):
    assert in_units(size) == text
