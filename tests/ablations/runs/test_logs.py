"""Which log belongs to an attempt, and how long it is followed.

The command: test_logs_command.py.
"""

from __future__ import annotations

import re

import pytest

from ablations.errors import UserError
from ablations.files import write_json
from ablations.runs.attempt import Attempt
from ablations.runs.lease import take_lease
from ablations.runs.logs import log_of, read
from helpers.states import dead_owner, disown
from helpers.toy import PLAN
from helpers.tracking import begin

KEY = next(iter(PLAN.runs))
FAILURE = {"error": "no", "traceback": "trace", "started": 1.0, "ended": 2.0}


@pytest.fixture
def run(home):
    """At work on its first attempt, whose log says one line."""
    begin(home, KEY)
    tell(home, 1, "first\n")
    return home.run(KEY)


def tell(home, attempt, text):
    log = home.root / f"{attempt}_log.out"
    log.write_text(text)
    write_json(home.run(KEY).path / f"attempt-{attempt}.json", {"log": str(log)})
    return log


def test_the_latest_attempt_or_the_one_asked_for(home, run):
    assert log_of(run, None) == (1, home.root / "1_log.out")
    write_json(run.path / "failure-1.json", FAILURE)
    take_lease(run.path, 2)
    second = tell(home, 2, "second\n")
    assert log_of(run, None) == (2, second)
    assert log_of(run, 1) == (1, home.root / "1_log.out")


def test_an_attempt_that_was_not_made_is_refused(home, run):
    with pytest.raises(UserError, match=f"run {KEY} has no attempt 2: its last attempt was 1"):
        log_of(run, 2)
    other = home.run("0123")
    for attempt in (None, 3):
        with pytest.raises(UserError, match=f"no attempt {attempt or 1}: nobody tried it yet"):
            log_of(other, attempt)


@pytest.mark.parametrize("gone", ["log", "attempt"])
def test_where_the_log_is_gone_a_traceback_stands_in(home, run, gone):
    (home.root / "1_log.out").unlink() if gone == "log" else (run.path / "attempt-1.json").unlink()
    with pytest.raises(UserError, match=f"the log of run {KEY}, attempt 1, is not there"):
        log_of(run, None)
    write_json(run.path / "failure-1.json", FAILURE)
    assert log_of(run, None) == (1, None)


def test_without_following_it_is_read_once(home, run):
    assert list(read(run, 1, log_of(run, 1)[1], follow=False)) == ["first\n"]


def test_it_is_followed_as_long_as_somebody_works(home, run, monkeypatch):
    """What comes between the last look and the end is read, too."""
    log, looks = log_of(run, 1)[1], []

    def sleep(seconds):
        looks.append(seconds)
        with open(log, "a") as file:
            file.write(f"line {len(looks)}\n")
        if len(looks) == 3:
            run.release(1)

    monkeypatch.setattr("ablations.runs.logs.time.sleep", sleep)
    pieces = list(read(run, 1, log, follow=True))
    assert pieces == ["first\n", "", "line 1\n", "", "line 2\n", "", "line 3\n", ""]


def test_what_the_run_tells_is_followed_too(home, run, monkeypatch):
    told, looks = Attempt(run.path, home.cache, 1), []
    for step in range(20):
        told.log(step + 1, 40, {"loss": 0.5})

    def sleep(seconds):
        looks.append(seconds)
        if len(looks) == 1:
            told.say("evaluation")
        elif len(looks) == 3:
            told.log(1, 2, {"loss": 1 / 3, "top1": 0.25})
            run.release(1)

    monkeypatch.setattr("ablations.runs.logs.time.sleep", sleep)
    _, *lines = "".join(read(run, 1, log_of(run, 1)[1], follow=True)).splitlines()
    clock, words = zip(*(line.split(" ", 1) for line in lines), strict=True)
    assert list(words) == [
        *(f"{step}/40, loss 0.5" for step in range(11, 21)),  # the last ones before
        "evaluation",
        "1/2, loss 0.3333, top1 0.25",
    ]
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d", one) for one in clock)


def test_another_attempt_is_not_followed(home, run):
    write_json(run.path / "failure-1.json", FAILURE)
    take_lease(run.path, 2)
    tell(home, 2, "second\n")
    assert "".join(read(run, 1, log_of(run, 1)[1], follow=True)) == "first\n"


def test_following_ends_where_the_worker_died(home, run):
    disown(home, KEY, dead_owner())
    assert list(read(run, 1, log_of(run, 1)[1], follow=True)) == ["first\n", ""]


def test_bytes_that_are_no_text_do_not_end_it(home, run):
    (home.root / "1_log.out").write_bytes(b"half \xff\xfe\n")
    assert "half" in "".join(read(run, 1, log_of(run, 1)[1], follow=False))
