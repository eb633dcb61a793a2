"""What a worker takes on."""

from __future__ import annotations

from pathlib import Path

from ablations.launch.requests import MAX_LOST, Request
from ablations.runs.directory import Inspection, State
from ablations.runs.lease import Lease, Owner


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
