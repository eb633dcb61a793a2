"""Mending what real crashes left behind, and nothing else."""

from __future__ import annotations

import os
import pty
import shutil
import signal
import subprocess
import sys
from dataclasses import asdict, replace

import pytest

from ablations.files import write_json
from ablations.maintenance.repair import examine
from ablations.runs.directory import State
from ablations.runs.lease import Observer, Owner, latest_lease
from ablations.study.plans import plans_of, save_plan
from helpers.commands import SLOW, TOY, command, run_ablate
from helpers.disks import age
from helpers.hold import hold, release
from helpers.processes import DEADLINE, descendants, start, wait_for
from helpers.runs import check_complete, states

ELSEWHERE = Owner("elsewhere", 1, "")
LAUNCH = "toy-20260101-120000-abcdef"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A home with four finished runs; to be copied."""
    root = tmp_path_factory.mktemp("finished") / "home"
    done = run_ablate(root, "run", TOY, "--seeds", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    return root


@pytest.fixture
def done_home(finished, home):
    shutil.copytree(finished, home.root)
    return home


def contents(directory):
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def repair(home, *arguments):
    done = run_ablate(home.root, "repair", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def mend(home):
    """`repair --yes`; what it said. Once more it finds nothing."""
    said = repair(home, "--yes")
    assert repair(home, "--yes") == [f"nothing to mend in {home.root}"]
    return said


def kill_everything(launcher):
    processes = descendants(launcher)
    for process in (launcher, *processes):
        process.kill()
    launcher.wait()


def test_lost_attempts_are_given_back_and_no_longer_count(ablate, home):
    hold(home)
    for _ in range(2):  # the second launch loses what the first lost
        launcher = start(home, *SLOW)
        wait_for(lambda: states(home)[State.RUNNING] >= 2)
        kill_everything(launcher)
        wait_for(lambda: State.RUNNING not in states(home))
    lost = [run for run in home.runs() if run.inspect(Observer()).state is State.LOST]
    assert max(run.inspect(Observer()).lost for run in lost) == 2
    done = {run: contents(run.path) for run in home.runs() if run not in lost}
    listed = repair(home, "slow")
    assert len([line for line in listed if "lost: the owner died -> give back" in line]) == len(
        lost
    )
    assert any("attempts 1, 2 lost" in line for line in listed)
    assert listed[-2:] == [f"{len(listed) - 2} to mend", "nothing is changed: this needs --yes"]
    assert states(home)[State.LOST] == len(lost)
    assert mend(home)[-1] == f"{len(listed) - 2} mended"
    for run in lost:
        seen = run.inspect(Observer())
        assert (seen.state, seen.lost) == (State.WAITING, 0)
    assert done == {run: contents(run.path) for run in done}
    release(home)
    again = ablate(*SLOW)
    assert again.returncode == 0, again.stdout + again.stderr
    check_complete(home, 6)


@pytest.mark.slow
def test_what_a_living_owner_works_on_is_left_alone(home):
    hold(home)
    launcher = start(home, *SLOW)
    wait_for(lambda: states(home)[State.RUNNING] >= 2)
    run = next(run for run in home.runs() if run.inspect(Observer()).state is State.RUNNING)
    half_written, attempt = run.path / ".mine.0.tmp", run.path / "attempt-1.json"
    half_written.touch()
    whole = attempt.read_text()
    attempt.write_text("")
    said = repair(home, "--yes")
    assert said == [
        f"{run.key}: attempt-1.json is damaged -> left alone: its owner lives",
        "0 to mend, 1 left alone",
    ]
    assert half_written.exists()
    assert attempt.read_text() == ""
    attempt.write_text(whole)
    half_written.unlink()
    release(home)
    assert launcher.wait(DEADLINE) == 0
    check_complete(home, 6)
    assert all(latest_lease(run.path).attempt == 1 for run in home.runs())


def damage(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_a_damaged_claim_keeps_its_number(ablate, home, tmp_path):
    """Were number 2 given again, its third attempt would begin as a failed one."""
    cure = tmp_path / "cure"
    arguments = ("run", TOY, "--seeds", "1", "--set", f"fail_unless={cure}", "--name", "sick")
    for _ in range(2):
        assert ablate(*arguments).returncode == 1
    runs = list(home.runs())
    for run in runs:
        damage(run.path / "claim-2.json")
    (runs[1].path / "failure-2.json").unlink()  # as if killed in its second attempt
    age(runs[1].path / "heartbeat-2")
    refused = ablate("status", "sick")
    assert refused.returncode == 2
    assert "`ablate repair` sets it aside" in refused.stderr
    said = mend(home)
    assert f"{runs[0].key}: claim-2.json is damaged -> set aside; its number stays taken" in said
    assert [run.inspect(Observer()).state for run in runs] == [
        *(State.FAILED, State.WAITING, State.FAILED, State.FAILED)
    ]
    assert all(run.inspect(Observer()).attempt == 2 for run in runs)
    assert all((run.path / "claim-2.json.damaged").exists() for run in runs)
    cure.touch()
    assert ablate(*arguments).returncode == 0
    check_complete(home, 4)
    assert {latest_lease(run.path).attempt for run in runs} == {3}


def test_damaged_claim_of_who_may_still_be_at_work(done_home):
    """Its heart beats: only the name is unknown."""
    run = next(done_home.runs())
    (run.files / "result.json").unlink()
    damage(run.path / "claim-1.json")
    (run.path / "heartbeat-1").touch()
    assert repair(done_home, "--yes") == [
        f"{run.key}: claim-1.json is damaged -> left alone: its owner lives",
        "0 to mend, 1 left alone",
    ]


def test_results_that_cannot_be_read_are_done_anew(ablate, done_home):
    first, second, third, fourth = done_home.runs()
    sound = contents(fourth.path)
    damage(first.files / "result.json")
    damage(second.files / "stitch.parquet")
    damage(third.path / "config.json")
    for run in (first, second, third):
        (run.path / ".config.json.0.tmp").touch()
    said = mend(done_home)
    assert said == [
        f"{first.key}: result.json is damaged -> set aside; the run is done anew",
        half_made(first.path / ".config.json.0.tmp"),
        f"{second.key}: stitch.parquet is damaged -> set aside; the run is done anew",
        half_made(second.path / ".config.json.0.tmp"),
        f"{third.key}: config.json is damaged -> set aside; the run is done anew",
        half_made(third.path / ".config.json.0.tmp"),
        "6 to mend",
        "6 mended",
    ]
    assert states(done_home) == {State.WAITING: 3, State.DONE: 1}
    (first.files / "stitch.parquet").unlink()
    assert ablate("run", TOY, "--seeds", "1").returncode == 0
    check_complete(done_home, 4)
    assert sorted(path.name for path in done_home.root.glob("runs/*/*.damaged")) == [
        "config.json.damaged",
        "result.json.damaged",
        "stitch.parquet.damaged",
    ]
    assert contents(fourth.path) == sound
    (first.files / "stitch.parquet").unlink()
    assert f"{first.key}: stitch.parquet is missing -> set aside; the run is done anew" in mend(
        done_home
    )
    assert states(done_home) == {State.WAITING: 1, State.DONE: 3}


def half_made(path):
    return f"{path}: half-made by a process that was killed -> delete"


def test_damaged_records_of_failed_attempts(ablate, home, tmp_path):
    assert ablate("run", TOY, "--seeds", "1", "--set", f"fail_unless={tmp_path}/0").returncode == 1
    first, second, *_ = home.runs()
    damage(first.path / "failure-1.json")
    damage(second.path / "attempt-1.json")
    assert mend(home) == [
        f"{first.key}: failure-1.json is damaged -> set aside; the run is free",
        f"{second.key}: attempt-1.json is damaged -> set aside",
        "2 to mend",
        "2 mended",
    ]
    assert states(home) == {State.WAITING: 1, State.FAILED: 3}


@pytest.fixture
def run_elsewhere(home):
    """A run whose third attempt is on another host, in a job; nobody can look at its process."""
    run = home.run("0" * 16)
    run.path.mkdir(parents=True)
    for attempt in (1, 2, 3):
        write_json(run.path / f"claim-{attempt}.json", asdict(ELSEWHERE))
        told = {"job": "12_3", "log": f"/shared/launches/{LAUNCH}/12_3_0_log.out"}
        write_json(run.path / f"attempt-{attempt}.json", {"host": "elsewhere", **told})
        (run.path / f"heartbeat-{attempt}").touch()
        age(run.path / f"heartbeat-{attempt}")
    return run


@pytest.mark.parametrize("jobs", [{}, {"12_3": "another's, long after"}, {"12_4": LAUNCH}])
def test_on_another_host_an_attempt_is_lost_when_its_job_is_gone(run_elsewhere, jobs):
    (finding,) = examine(run_elsewhere, lambda: jobs)
    assert (
        str(finding) == f"{run_elsewhere.key}: attempts 1, 2, 3 lost: the owner died -> give back"
    )
    finding.mend()
    seen = run_elsewhere.inspect(Observer())
    assert (seen.state, seen.lost) == (State.WAITING, 0)
    assert not list(examine(run_elsewhere, lambda: jobs))


def test_an_attempt_that_was_lost_before_others_ended(run_elsewhere):
    (run_elsewhere.path / "released-2").touch()
    write_json(
        run_elsewhere.path / "failure-3.json", {"error": "x", "traceback": "x", "ended": 1.0}
    )
    assert run_elsewhere.inspect(Observer()).lost == 1
    (finding,) = examine(run_elsewhere, dict)
    assert finding.trouble == "attempt 1 lost: the owner died"
    finding.mend()
    seen = run_elsewhere.inspect(Observer())
    assert (seen.state, seen.lost) == (State.FAILED, 0)


def test_on_another_host_an_attempt_lives_in_its_job_or_while_its_heart_beats(run_elsewhere):
    assert not list(examine(run_elsewhere, lambda: {"12_3": LAUNCH}))
    (run_elsewhere.path / "heartbeat-3").touch()
    assert not list(examine(run_elsewhere, lambda: {}))


@pytest.mark.slow
def test_on_another_host_without_slurm_nobody_can_tell(home, run_elsewhere, tmp_path, monkeypatch):
    doubt = (
        f"{run_elsewhere.key}: attempt 3 may be lost -> "
        "left alone: cannot tell whether its owner lives"
    )
    monkeypatch.setenv("PATH", str(tmp_path))
    before = contents(run_elsewhere.path)
    assert repair(home, "--yes") == [doubt, "0 to mend, 1 left alone"]
    assert contents(run_elsewhere.path) == before
    # a number of the local executor's is no job of SLURM's
    told = {"host": "elsewhere", "job": "12", "log": "/shared/launches/12_0_log.out"}
    write_json(run_elsewhere.path / "attempt-3.json", told)
    (finding,) = examine(run_elsewhere, lambda: {})
    assert (str(finding), finding.mend) == (doubt, None)


def kill_when(process, condition):
    wait_for(condition)
    process.send_signal(signal.SIGKILL)
    process.wait()


WRITER = """
import sys, time
from pathlib import Path
from ablations.files import writing
with writing(Path(sys.argv[1])) as path:
    path.touch()
    time.sleep(3600)
"""
COPIER = """
import sys, time
from pathlib import Path
from ablations.launch import code_copy
from ablations.runs.home import Home
code_copy.shutil.copyfile = lambda *_: time.sleep(3600)  # a large copy
code_copy.copy_code(Home(Path(sys.argv[1])))
"""


def test_half_made_files_and_folders_go_when_they_are_old(done_home):
    (done_home.root / "mlflow.db").unlink()
    sync = subprocess.Popen(command(done_home.root, "sync"), stderr=subprocess.DEVNULL)
    kill_when(sync, lambda: list(done_home.root.glob(".*.tmp")))
    lease = next(done_home.runs()).path / "claim-2.json"
    places = ("cache/anchors/a", "studies/a", "ledgers/a", "launches/a", "launches/b/a", lease)
    for path in (done_home.root / place for place in places):
        path.parent.mkdir(parents=True, exist_ok=True)
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)])
        kill_when(writer, lambda path=path: list(path.parent.glob(f".{path.name}.*.tmp")))
    copier = subprocess.Popen([sys.executable, "-c", COPIER, str(done_home.root)])
    kill_when(copier, lambda: list((done_home.root / "code").glob("*")))
    left = [path for path in done_home.root.rglob(".*.tmp") if path.parent.name[0] != "."]
    assert len(left) == 8
    assert repair(done_home, "--yes") == [f"nothing to mend in {done_home.root}"]  # all are new
    for path in left:
        age(path)
    assert sorted(mend(done_home)) == sorted([*map(half_made, left), "8 to mend", "8 mended"])
    assert not [path for path in left if path.exists()]
    assert states(done_home) == {State.DONE: 4}


@pytest.mark.parametrize(("answer", "state"), [(b"n\n", State.FAILED), (b"y\n", State.WAITING)])
def test_on_a_terminal_it_asks(ablate, home, tmp_path, answer, state):
    one = ("--seeds", "1", "--set", "rate=0.1", "--set", "rule=plain", "--set", "steps=5")
    assert ablate("run", TOY, *one, "--set", f"fail_unless={tmp_path}/0").returncode == 1
    (run,) = home.runs()
    damage(run.path / "failure-1.json")
    mine, its = pty.openpty()
    os.write(mine, answer)
    done = subprocess.run(
        command(home.root, "repair"), stdin=its, capture_output=True, text=True, timeout=DEADLINE
    )
    os.close(mine)
    os.close(its)
    assert done.returncode == 0, done.stderr
    assert "1 to mend\nDo it? [y/N]: " in done.stdout
    assert done.stdout.endswith("1 mended\n") == (state is State.WAITING)
    assert states(home) == {state: 1}


def test_only_the_runs_of_a_study(done_home):
    run = next(done_home.runs())
    damage(run.files / "result.json")
    (plan,) = plans_of(done_home)
    other = tuple(cell for cell in plan.cells if cell.key != run.key)
    save_plan(done_home, replace(plan, study="other", cells=other))
    assert repair(done_home, "other") == [f"nothing to mend in {done_home.root}"]
    assert repair(done_home, "toy")[-2] == "1 to mend"


def test_where_nothing_is(ablate, tmp_path):
    for arguments in (["repair"], ["gc"]):
        done = ablate(*arguments)
        assert done.returncode == 2
        assert done.stderr.startswith(f"ablate: there is no {tmp_path / 'home'}; run a study first")
    assert not (tmp_path / "home").exists()
