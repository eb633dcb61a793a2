"""Launching with real processes: nothing twice, nothing lost, whatever is killed when."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
from conftest import TOY, command, fill

from ablations.files import write_json, writing
from ablations.launch.worker import MAX_LOST, Request
from ablations.runs.home import Home, Inspection, State
from ablations.runs.lease import (
    HEARTBEAT_SECONDS,
    STALE_SECONDS,
    Lease,
    Observer,
    Owner,
    latest_lease,
    take_lease,
)
from ablations.tracking.store import KEY_TAG, connect, search

SLOW = ("run", TOY, "--workers", "2", "--set", "pause=0.4", "--set", "steps=5")  # 6 runs of 2 s


def tracked_keys(home: Home) -> Counter:
    client = connect(home.tracking_uri)
    runs = search(client, client.get_experiment_by_name("toy").experiment_id, "")
    return Counter(run.data.tags[KEY_TAG] for run in runs if KEY_TAG in run.data.tags)


def states(home: Home) -> Counter:
    observer = Observer()
    return Counter(run.inspect(observer).state for run in home.runs())


def wait_for(condition, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def start(home: Home, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command(home.root, *arguments),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def descendants(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def test_asking_again_trains_nothing(ablate, home):
    first = ablate("run", TOY)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "8 of 8 runs done" in first.stdout
    results = {run.key: (run.path / "result.json").stat().st_mtime for run in home.runs()}
    again = ablate("run", TOY)
    assert again.returncode == 0
    assert "8 of 8 runs done already" in again.stdout
    assert results == {run.key: (run.path / "result.json").stat().st_mtime for run in home.runs()}
    assert all((run.path / "steps.log").read_text().count("\n") in (5, 10) for run in home.runs())
    assert set(tracked_keys(home).values()) == {1}


def test_killed_launcher(ablate, home):
    launcher = start(home, *SLOW)
    wait_for(lambda: states(home)[State.RUNNING] >= 2)
    workers = descendants(launcher)
    launcher.kill()
    launcher.wait()
    # the workers go on by themselves; the second launch counts them in
    assert any(worker.is_running() for worker in workers)
    go_on(ablate, home)
    assert all((run.path / "steps.log").read_text().count("\n") == 5 for run in home.runs())


def test_killed_worker(home):
    launcher = start(home, *SLOW)
    wait_for(lambda: states(home)[State.RUNNING] >= 2)
    victim = next(run for run in home.runs() if run.inspect(Observer()).state is State.RUNNING)
    os.kill(latest_lease(victim.path).owner.pid, signal.SIGKILL)
    assert launcher.wait(120) == 0
    check_complete(home, 6)
    assert latest_lease(victim.path).attempt == 2


def test_everything_killed(ablate, home):
    launcher = start(home, *SLOW)
    wait_for(lambda: states(home)[State.DONE] >= 1)
    processes = descendants(launcher)
    launcher.kill()
    launcher.wait()
    for process in processes:
        if process.is_running():
            process.kill()
    wait_for(lambda: State.RUNNING not in states(home))
    go_on(ablate, home)


def test_interrupted(ablate, home):
    launcher = start(home, *SLOW)
    wait_for(lambda: states(home)[State.RUNNING] >= 2)
    os.killpg(launcher.pid, signal.SIGINT)  # as a terminal does, to the workers as well
    assert launcher.wait(60) == 130
    assert State.RUNNING not in states(home)
    go_on(ablate, home)


def go_on(ablate, home: Home) -> None:
    """The same command once more gets everything done."""
    second = ablate(*SLOW)
    assert second.returncode == 0, second.stdout + second.stderr
    check_complete(home, 6)


def check_complete(home: Home, runs: int) -> None:
    """Every run is committed once, tracked once and finished, and no half file is left."""
    assert states(home) == {State.DONE: runs}
    assert tracked_keys(home) == dict.fromkeys((run.key for run in home.runs()), 1)
    client = connect(home.tracking_uri)
    identity = client.get_experiment_by_name("toy").experiment_id
    statuses = {run.info.status for run in search(client, identity, "")}
    assert statuses == {"FINISHED"}
    assert not list(home.root.glob("runs/*/.*.tmp"))


def test_a_failure_is_kept_and_tried_again_by_the_next_launch(ablate, home, tmp_path):
    cure = tmp_path / "cure"
    arguments = ("run", TOY, "--seeds", "1", "--set", f"fail_unless={cure}")
    first = ablate(*arguments)
    assert first.returncode == 1
    assert "the toy was told to fail [/bold]" in first.stdout
    assert states(home) == {State.FAILED: 4}
    run = next(home.runs())
    assert "RuntimeError" in run.failure(1)["traceback"]
    assert latest_lease(run.path).attempt == 1
    status = ablate("status", "toy")
    assert "the toy was told to fail [/bold]" in status.stdout
    logs = ablate("logs", run.key[:6])
    assert f"{run.key}: attempt 1 begins" in logs.stdout
    assert "Traceback" in logs.stdout
    assert ablate("retry", "toy", "--error", "no such").stdout.startswith("0 failed")
    assert ablate("retry", "toy", "--key", run.key).stdout.startswith("1 failed")
    assert states(home) == {State.FAILED: 3, State.WAITING: 1}
    cure.touch()
    assert ablate(*arguments).returncode == 0
    assert states(home) == {State.DONE: 4}
    assert set(tracked_keys(home).values()) == {1}


def test_workers_that_cannot_start_are_given_up(home, tmp_path):
    """The study loads for the launcher and no more for its workers."""
    study = tmp_path / "once.py"
    guard = "import os\nassert not os.environ.get('SUBMITIT_EXECUTOR')\n"
    study.write_text(guard + Path(TOY).read_text())
    launcher = start(home, "run", str(study))
    assert launcher.wait(60) == 2
    assert not list(home.runs())


def test_a_disk_that_fills_up_meanwhile(small_disk):
    """Tracked elsewhere: MLflow's own store would be half the disk."""
    home = Home(small_disk / "home")
    store = f"sqlite:///{small_disk.parent}/mlflow.db"
    arguments = (*SLOW, "--tracking-uri", store)
    launcher = subprocess.Popen(command(home.root, *arguments), stderr=subprocess.PIPE, text=True)
    wait_for(lambda: states(home)[State.RUNNING] >= 2)
    filling = fill(small_disk)
    _, said = launcher.communicate(timeout=60)
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
    host = ["unshare", "--uts", "--pid", "--mount-proc", "--fork", "--kill-child"]
    host += ["sh", "-c", 'hostname elsewhere; exec "$@"', "sh"]
    started = []

    def start_there(*arguments):
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        started.append(subprocess.Popen([*host, *command(home.root, *arguments)], **silent))
        return started[-1]

    yield start_there
    for process in started:
        process.kill()


def test_a_host_that_falls_silent_loses_its_run_after_two_minutes(ablate, home, elsewhere):
    there = elsewhere(*SLOW[:2], "--workers", "1", *SLOW[4:])
    wait_for(lambda: states(home)[State.RUNNING] == 1)
    (run,) = (run for run in home.runs() if run.inspect(Observer()).state is State.RUNNING)
    assert latest_lease(run.path).owner.host == "elsewhere"
    there.kill()  # and all that runs there
    there.wait()
    died = time.time()
    assert run.inspect(Observer()).state is State.RUNNING  # unknown is not dead
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


def test_only_one_of_many_gets_a_claim(tmp_path):
    leases = [take_lease(tmp_path, 1) for _ in range(5)]
    assert sum(lease is not None for lease in leases) == 1
    assert latest_lease(tmp_path).owner == Owner.current()


def test_a_dead_owner_is_told_from_a_living_and_an_unknown_one(tmp_path, monkeypatch):
    me = Owner.current()
    assert me.is_alive()
    assert Owner(me.host, me.pid, "an earlier one").is_alive() is False  # a reused number
    stranger = Owner("elsewhere", 1, "")
    assert stranger.is_alive() is None
    observer, lease = Observer(), Lease(tmp_path, 1, stranger)
    now = [1000.0]
    monkeypatch.setattr("ablations.runs.lease.time.monotonic", lambda: now[0])
    lease.heartbeat_file.touch()
    assert not observer.is_dead(lease)
    now[0] += 100
    os.utime(lease.heartbeat_file, (5, 5))  # the other host's clock does not matter
    assert not observer.is_dead(lease)
    now[0] += 100
    assert not observer.is_dead(lease)
    now[0] += 100
    assert observer.is_dead(lease)


def test_how_often_a_run_is_tried():
    request = Request("key", {}, attempts_before=2, lost_before=1)

    def may_try(state, attempt, lost=1):
        return request.may_try(Inspection(state, Lease(Path(), attempt, Owner("", 1, "")), lost))

    assert may_try(State.FAILED, 2)
    assert not may_try(State.FAILED, 3)
    assert may_try(State.LOST, 9, lost=MAX_LOST)
    assert not may_try(State.LOST, 9, lost=1 + MAX_LOST)
    assert may_try(State.WAITING, 99)  # preempted as often as may be
    assert not may_try(State.RUNNING, 2)
    assert not may_try(State.DONE, 2)


def test_no_half_written_file(tmp_path):
    path = tmp_path / "value.json"
    write_json(path, 1)
    with pytest.raises(RuntimeError), writing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert json.loads(path.read_text()) == 1
    with pytest.raises(FileExistsError):
        write_json(path, 2, exclusive=True)
    assert json.loads(path.read_text()) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["value.json"]
