"""What a launch asks for: in which order, and how often a run is tried."""

from __future__ import annotations

from dataclasses import replace
from math import nan
from pathlib import Path

from ablations.launch.requests import MAX_LOST, Request, requests_of
from ablations.runs.directory import Inspection, State
from ablations.runs.lease import Lease, Owner
from ablations.study.expansion import expand
from helpers.toy import STUDY


def inspection(state, attempt, lost=0):
    return Inspection(state, Lease(Path(), attempt, Owner("", 1, "")), lost)


def test_how_often_a_run_is_tried():
    request = Request("key", {}, attempts_before=2, lost_before=1)

    def may_try(state, attempt, lost=1):
        return request.may_try(inspection(state, attempt, lost))

    for ended in (State.FAILED, State.CANCELLED):
        assert may_try(ended, 2)
        assert not may_try(ended, 3)
    assert may_try(State.LOST, 9, lost=MAX_LOST)
    assert not may_try(State.LOST, 9, lost=1 + MAX_LOST)
    assert may_try(State.WAITING, 99)  # preempted as often as may be
    assert not may_try(State.RUNNING, 2)
    assert not may_try(State.DONE, 2)


def asked(expected_seconds, seen=None):
    experiment = replace(STUDY.experiment, expected_seconds=expected_seconds)
    expansion = expand("toy", replace(STUDY, experiment=experiment), seeds=1)
    seen = seen or dict.fromkeys(expansion.configs, Inspection(State.WAITING))
    return expansion, requests_of(expansion, seen)


def test_the_longest_come_first_and_equals_stay_in_the_order_of_the_plan():
    expansion, requests = asked(lambda config: config.steps)
    assert [one.config["steps"] for one in requests] == [10, 5, 5, 5]
    short = [key for key, config in expansion.configs.items() if config.steps == 5]
    assert [one.key for one in requests[1:]] == short


def test_where_nobody_knows_the_order_is_that_of_the_plan():
    expansion, requests = asked(lambda config: nan)
    assert [one.key for one in requests] == list(expansion.configs)


def test_a_request_holds_plain_values_and_what_was_tried_before():
    expansion, _ = asked(lambda config: 1.0)
    first, *others = expansion.configs
    seen = {first: inspection(State.LOST, 5, lost=2)}
    seen |= dict.fromkeys(others, Inspection(State.WAITING))
    _, (request, other, *_) = asked(lambda config: 1.0, seen)
    assert (request.attempts_before, request.lost_before) == (5, 2)
    assert (other.attempts_before, other.lost_before) == (0, 0)
    assert request.config == expansion.experiment.dump(expansion.configs[first])
