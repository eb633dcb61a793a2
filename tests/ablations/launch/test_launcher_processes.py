"""The launcher with real processes: nothing twice, nothing lost, whatever is killed when."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from ablations.runs.directory import State
from ablations.runs.home import Home
from ablations.runs.lease import HEARTBEAT_SECONDS, STALE_SECONDS, Observer, Owner, latest_lease
from helpers.commands import SLOW, TOY, command
from helpers.disks import fill
from helpers.hold import hold, release
from helpers.processes import DEADLINE, descendants, start, wait_for
from helpers.runs import check_complete, go_on, states, tracked_keys

pytestmark = pytest.mark.slow


def test_asking_again_trains_nothing(ablate, home):
    first = ablate("run", TOY)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "8 of 8 runs done" in first.stdout
    results = {run.key: (run.files / "result.json").stat().st_mtime for run in home.runs()}
    again = ablate("run", TOY)
    assert again.returncode == 0
    assert "8 of 8 runs done already" in again.stdout
    assert results == {run.key: (run.files / "result.json").stat().st_mtime for run in home.runs()}
    assert all((run.files / "steps.log").read_text().count("\n") in (5, 10) for run in home.runs())
    assert set(tracked_keys(home).values()) == {1}


def test_killed_launcher(home):
    hold(home)
    launcher = start(home, *SLOW)
    wait_for(lambda: states(home)[State.RUNNING] >= 2)
    workers = descendants(launcher)
    launcher.kill()
    launcher.wait()
    # the workers go on by themselves; the second launch counts them in
    assert any(worker.is_running() for worker in workers)
    second = subprocess.Popen(command(home.root, *SLOW), stdout=subprocess.PIPE, text=True)
    assert "0 of 6 runs done already" in second.stdout.readline()
    release(home)
    said, _ = second.communicate(timeout=DEADLINE)
    assert second.returncode == 0, said
    check_complete(home, 6)
    assert all((run.files / "steps.log").read_text().count("\n") == 5 for run in home.runs())


def test_killed_worker(home):
    hold(home)
    launcher = start(home, *SLOW)
    wait_for(lambda: states(home)[State.RUNNING] >= 2)
    victim = next(run for run in home.runs() if run.inspect(Observer()).state is State.RUNNING)
    os.kill(latest_lease(victim.path).owner.pid, signal.SIGKILL)
    release(home)
    assert launcher.wait(DEADLINE) == 0
    check_complete(home, 6)
    assert latest_lease(victim.path).attempt == 2


def test_everything_killed(ablate, home):
    launcher = start(home, *SLOW)
    wait_for(lambda: states(home)[State.DONE] >= 1)
    hold(home)
    processes = descendants(launcher)
    launcher.kill()
    launcher.wait()
    for process in processes:
        if process.is_running():
            process.kill()
    wait_for(lambda: State.RUNNING not in states(home))
    release(home)
    go_on(ablate, home)


CTRL_C = (signal.SIGINT, os.killpg)  # a terminal tells all that it started


@pytest.mark.parametrize(
    ("number", "tell", "when"),
    [
        (*CTRL_C, "workers start"),
        (*CTRL_C, "runs are at work"),
        (signal.SIGTERM, os.kill, "runs are at work"),
        (signal.SIGHUP, os.killpg, "runs are at work"),
    ],
)
def test_interrupted(ablate, home, number, tell, when):
    hold(home)
    heard = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    launcher = start(home, *SLOW, **heard)
    if when == "workers start":
        wait_for(lambda: list(home.launches.glob("*_submitted.pkl")))
    else:
        wait_for(lambda: states(home)[State.RUNNING] >= 2)
    tell(launcher.pid, number)
    said, _ = launcher.communicate(timeout=DEADLINE)  # which waits for its workers to end, too
    assert launcher.returncode == 130
    assert "Traceback" not in said
    assert said.endswith("ablate: interrupted; the same command goes on from here\n")
    assert State.RUNNING not in states(home)
    release(home)
    go_on(ablate, home)


def test_under_nohup_it_outlives_its_terminal(home):
    hold(home)
    with open(home.root / "nohup.out", "w") as output:
        launcher = start(home, *SLOW, before=("nohup",), stdout=output)
    wait_for(lambda: states(home)[State.RUNNING] >= 2)
    os.killpg(launcher.pid, signal.SIGHUP)
    release(home)
    assert launcher.wait(DEADLINE) == 0
    check_complete(home, 6)


def test_a_failure_is_kept_and_tried_again_by_the_next_launch(ablate, home, tmp_path):
    cure = tmp_path / "cure"
    arguments = ("run", TOY, "--seeds", "1", "--set", f"fail_unless={cure}", "--name", "sick")
    first = ablate(*arguments)
    assert first.returncode == 1
    assert "the toy was told to fail [/bold]" in first.stdout
    assert states(home) == {State.FAILED: 4}
    run = next(home.runs())
    assert "RuntimeError" in run.failure(1)["traceback"]
    assert latest_lease(run.path).attempt == 1
    status = ablate("status", "sick")
    assert "the toy was told to fail [/bold]" in status.stdout
    logs = ablate("logs", run.key[:6])
    assert f"{run.key}: attempt 1 begins" in logs.stdout
    assert "Traceback" in logs.stdout
    assert ablate("retry", "sick", "--error", "no such").stdout.startswith("0 failed")
    assert ablate("retry", "sick", "--key", run.key).stdout.startswith("1 failed")
    assert states(home) == {State.FAILED: 3, State.WAITING: 1}
    cure.touch()
    assert ablate(*arguments).returncode == 0
    assert states(home) == {State.DONE: 4}
    assert set(tracked_keys(home).values()) == {1}


@pytest.mark.parametrize("who", ["submitit", "launch.member"])
def test_workers_that_cannot_start_are_given_up(home, tmp_path, who):
    """The study loads for the launcher, and no more for its workers or their processes."""
    study = tmp_path / "once.py"
    guard = f"import sys\nassert not any({who!r} in word for word in sys.orig_argv)\n"
    study.write_text(guard + Path(TOY).read_text())
    launcher = start(home, "run", str(study))
    assert launcher.wait(DEADLINE) == 2
    assert not list(home.runs())


def test_a_disk_that_fills_up_meanwhile(small_disk):
    """Tracked elsewhere: MLflow's own store would be half the disk."""
    home = Home(small_disk / "home")
    store = f"sqlite:///{small_disk.parent}/mlflow.db"
    arguments = (*SLOW, "--tracking-uri", store)
    hold(home)
    launcher = subprocess.Popen(command(home.root, *arguments), stderr=subprocess.PIPE, text=True)
    wait_for(lambda: states(home)[State.RUNNING] >= 2)
    filling = fill(small_disk)
    release(home)
    _, said = launcher.communicate(timeout=DEADLINE)
    assert launcher.returncode == 2, said
    last = said.strip().splitlines()[-1]
    assert last.startswith(f"ablate: only 0 MB are free on the disk of {home.root}; make room"), (
        said
    )
    assert states(home)[State.FAILED] == 0
    filling.unlink()
    done = subprocess.run(
        command(home.root, *arguments), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert states(home) == {State.DONE: 6}


@pytest.fixture
def elsewhere(home):
    """Starts commands on another host: with a name and with processes of its own."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("needs root and unshare (Debian: util-linux), to make another host")
    host = ("unshare", "--uts", "--pid", "--mount-proc", "--fork", "--kill-child")
    host += ("sh", "-c", 'hostname elsewhere; exec "$@"', "sh")
    started = []

    def start_there(*arguments):
        started.append(start(home, *arguments, before=host))
        return started[-1]

    yield start_there
    for process in started:
        process.kill()


def test_a_host_that_falls_silent_loses_its_run_after_two_minutes(ablate, home, elsewhere):
    hold(home)
    there = elsewhere(*SLOW[:2], "--workers", "1", *SLOW[4:])
    wait_for(lambda: states(home)[State.RUNNING] == 1)
    (run,) = (run for run in home.runs() if run.inspect(Observer()).state is State.RUNNING)
    assert latest_lease(run.path).owner.host == "elsewhere"
    there.kill()  # and all that runs there
    there.wait()
    died = time.time()
    assert run.inspect(Observer()).state is State.RUNNING  # unknown is not dead
    release(home)
    go_on(ablate, home)
    lease = latest_lease(run.path)
    assert (lease.attempt, lease.owner.host) == (2, Owner.current().host)
    assert lease.file.stat().st_mtime - died > STALE_SECONDS - 2 * HEARTBEAT_SECONDS


def test_a_directory_that_cannot_be_written_holds_no_other_run_up(ablate, home, read_only):
    plan = json.loads(ablate("plan", *SLOW[1:2], *SLOW[4:], "--json").stdout)
    locked = home.run(plan["cells"][0]["key"]).path
    with read_only(locked):
        done = ablate(*SLOW)
        assert done.returncode == 2, done.stderr
        assert f"1 runs cannot be tried: cannot write {locked}/" in done.stderr
        assert "Read-only file system; the same command goes on when that is mended" in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert states(home) == {State.DONE: 5, State.WAITING: 1}
    go_on(ablate, home)
