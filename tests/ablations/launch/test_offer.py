"""What workers that wait for more are told."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from ablations.launch.offer import Offer
from ablations.launch.requests import Request
from ablations.runs.attempt import StopRequest
from ablations.runs.lease import Owner

ONE = Request("1", {"rate": 0.1, "rule": "plain"}, 0)
TWO = Request("2", {"rate": 0.2, "rule": "plain"}, 3, lost_before=1, dead=3, code="abc")


@pytest.fixture
def offer(tmp_path):
    return Offer.of_this_process(tmp_path)


def test_it_tells_what_is_due_as_it_was_said_last_and_each_once(offer):
    offer.make([ONE])
    heard = offer.follow(StopRequest())
    assert next(heard) == [ONE]
    offer.make([ONE, TWO])
    offer.make([TWO])
    assert next(heard) == [TWO]
    threading.Timer(0.3, offer.make, ([TWO],)).start()
    assert next(heard) == [TWO]  # said anew: it may be due again
    threading.Timer(0.3, offer.close).start()
    assert list(heard) == []


def test_nothing_comes_of_what_is_closed_or_stopped(offer):
    assert list(offer.follow(StopRequest())) == []
    offer.make([ONE])
    stop = StopRequest()
    stop.signal = 15
    assert list(offer.follow(stop)) == []
    offer.close()
    offer.close()
    assert list(offer.follow(StopRequest())) == []


def test_nothing_comes_when_whoever_made_it_is_gone(offer):
    told = "from ablations.runs.lease import Owner; o = Owner.current(); print(o.pid, o.birth)"
    said = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    pid, birth = said.stdout.split()
    other = replace(offer, owner=replace(Owner.current(), pid=int(pid), birth=birth))
    other.make([ONE])
    assert list(other.follow(StopRequest())) == []
