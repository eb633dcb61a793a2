"""One worker holds a run, and is told from a dead one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from ablations.runs.lease import STALE_SECONDS, Lease, Observer, Owner, latest_lease, take_lease
from helpers.processes import wait_for


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


def test_leases_of_earlier_versions_are_read(tmp_path):
    me = Owner.current()
    lease = {"host": me.host, "pid": me.pid, "birth": me.birth}
    (tmp_path / "claim-1.json").write_text(json.dumps(lease))
    assert latest_lease(tmp_path).owner.is_alive() is True


@pytest.mark.parametrize("space", ["another start/pid:[1]", "another namespace"])
def test_processes_of_another_space_on_a_host_of_this_name_are_unknown(space):
    me = Owner.current()
    if space == "another namespace":
        space = f"{me.space.partition('/')[0]}/pid:[1]"
    assert replace(me, space=space).is_alive() is None
    assert replace(me, space=space, pid=2**22 + 1).is_alive() is None


HOLDING = """
import sys, time
from pathlib import Path
from ablations.runs.lease import latest_lease, take_lease
place = Path(sys.argv[1])
theirs = latest_lease(place / "outside").owner.is_alive()
lease = take_lease(place / "inside", 1)
own = latest_lease(place / "inside").owner.is_alive()
with lease.heartbeat():
    (place / "told").write_text(f"{theirs} {own}")
    time.sleep(600)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("own_proc", "said"), [(["--mount-proc"], "None True"), ([], "None None")])
def test_containers_with_one_host_name_leave_each_other_alone(tmp_path, own_proc, said):
    """Their processes have the same numbers; heartbeats tell."""
    for name in ("inside", "outside"):
        (tmp_path / name).mkdir()
    take_lease(tmp_path / "outside", 1)
    command = ["unshare", "--pid", "--uts", "--fork", "--kill-child", *own_proc, sys.executable]
    if subprocess.run([*command, "-c", ""], check=False, capture_output=True).returncode:
        pytest.skip("needs root, to make a namespace of processes")
    process = subprocess.Popen([*command, "-c", HOLDING, str(tmp_path)])
    try:
        wait_for(lambda: (tmp_path / "told").exists() and (tmp_path / "told").read_text())
        assert (tmp_path / "told").read_text() == said
        lease, observer = latest_lease(tmp_path / "inside"), Observer(tmp_path)
        assert lease.owner.host == Owner.current().host
        assert lease.owner.is_alive() is None
        assert not observer.is_dead(lease)
    finally:
        process.kill()
        process.wait()
    os.utime(lease.heartbeat_file, (time.time() - 1000,) * 2)  # as if it had been long ago
    os.utime(lease.file, (time.time() - 1000,) * 2)
    assert observer.is_dead(lease)


def test_a_process_that_was_stopped_is_dead_when_somebody_has_watched_it_be_silent(
    tmp_path, monkeypatch
):
    """Not by the file system's clock: a machine that slept wakes with old signs of the living."""
    lease = take_lease(tmp_path, 1)
    lease.heartbeat_file.touch()
    os.utime(lease.heartbeat_file, (5, 5))
    observer, now = Observer(tmp_path), [1000.0]
    monkeypatch.setattr("ablations.runs.lease.time.monotonic", lambda: now[0])
    assert observer.doubts(lease, closely=True)
    assert not observer.is_dead(lease)
    now[0] += STALE_SECONDS - 1
    assert not observer.is_dead(lease)
    now[0] += 2
    assert observer.is_dead(lease)
    lease.heartbeat_file.touch()
    assert not observer.is_dead(lease)
