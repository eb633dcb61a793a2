"""One worker holds a run, and is told from a dead one."""

from __future__ import annotations

import os

from ablations.runs.lease import Lease, Observer, Owner, latest_lease, take_lease


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
