"""How far runs are: what of all they told counts, and when a line is printed."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from ablations.launch.launcher import take_snapshot
from ablations.runs.directory import RunDirectory
from ablations.terminal.progress import (
    PLAIN_SECONDS,
    LiveProgress,
    beside_the_usual,
    describe,
    last_progress,
    seconds_left,
)
from helpers.toy import PLAN
from helpers.tracking import begin, do

KEYS = list(PLAN.runs)


def told(tmp_path, *entries):
    """What a run told, a second each."""
    lines = [json.dumps({"time": 100.0 + n, **entry}) for n, entry in enumerate(entries)]
    (tmp_path / "progress-1.jsonl").write_text("".join(f"{line}\n" for line in lines))
    return last_progress(RunDirectory(tmp_path), 1)


def step(number, of=10, **metrics):
    return {"step": number, "of": of, "metrics": metrics}


def test_before_the_first_word_it_is_starting(tmp_path):
    progress = last_progress(RunDirectory(tmp_path), 1)
    assert progress == {}
    assert describe(progress) == "starting"
    assert seconds_left(progress) is None


def test_a_phase_is_told_until_steps_come(tmp_path):
    phases = {"phase": "anchors"}, {"phase": "least squares"}
    assert describe(told(tmp_path, *phases)) == "least squares"
    assert describe(told(tmp_path, *phases, step(1))) == "1/10"


def test_speed_counts_from_the_first_step(tmp_path):
    progress = told(tmp_path, {"phase": "anchors"}, *(step(n, loss=1 / n) for n in (1, 2, 3, 4)))
    assert progress["first"] == (1, 101.0)
    assert seconds_left(progress) == pytest.approx(6.0)
    assert describe(progress) == "4/10, loss 0.250, 6 s left"


def test_waiting_for_data_is_told_where_it_is_much(tmp_path):
    assert describe(told(tmp_path, step(3, data_wait_share=0.24))) == "3/10"
    waits = describe(told(tmp_path, step(3, data_wait_share=0.62)))
    assert waits == "3/10, waits for data 62% of the time"


def test_one_step_tells_no_speed(tmp_path):
    progress = told(tmp_path, step(3))
    assert seconds_left(progress) is None
    assert describe(progress) == "3/10"


def test_a_resumed_attempt_counts_its_own_steps(tmp_path):
    """It began at step 7: what an earlier attempt did took this one no time."""
    assert seconds_left(told(tmp_path, step(7), step(8))) == pytest.approx(2.0)


def test_a_later_phase_ends_the_steps(tmp_path):
    progress = told(tmp_path, step(9), step(10), {"phase": "evaluation"})
    assert describe(progress) == "evaluation"
    assert seconds_left(progress) is None
    progress = told(tmp_path, step(9), {"phase": "fine-tuning"}, step(1, 4), step(2, 4))
    assert progress["first"] == (1, 102.0)
    assert seconds_left(progress) == pytest.approx(2.0)


def test_a_phase_that_counts_tells_its_time(tmp_path):
    """Anchors are trained by the first run alone: others are not expected to take as long."""
    epochs = [{"phase": f"anchor vit: epoch {n}/10"} for n in (1, 2, 3)]
    progress = told(tmp_path, *epochs)
    assert describe(progress) == "anchor vit: epoch 3/10, 7 s left"
    assert beside_the_usual(progress) == pytest.approx(2 + 7)
    other = told(tmp_path, *epochs, {"phase": "anchor deit: epoch 1/10"})
    assert describe(other) == "anchor deit: epoch 1/10"
    later = told(tmp_path, *epochs, {"phase": "training"}, step(1), step(2))
    assert describe(later) == "2/10, 8 s left"
    assert beside_the_usual(later) == pytest.approx(3)


def test_more_steps_than_were_told_of_leave_no_time(tmp_path):
    assert seconds_left(told(tmp_path, step(9), step(12))) == 0.0


def test_another_attempt_has_its_own(tmp_path):
    told(tmp_path, step(9))
    assert last_progress(RunDirectory(tmp_path), 2) == {}


@pytest.fixture
def clock(monkeypatch):
    """Where the machine's clock stands, as the progress sees it."""
    clock = SimpleNamespace(now=1000.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr("ablations.terminal.progress.time", clock)
    return clock


@pytest.fixture
def look(home, clock, capsys):
    """Shows where the runs stand; gives the lines that it printed."""
    live = LiveProgress(home, PLAN, dict.fromkeys(KEYS, 60.0), workers=2)

    def looking():
        live(take_snapshot(home, KEYS, home.observer()))
        return capsys.readouterr().out.splitlines()

    looking.live = live
    return looking


def test_off_a_terminal_a_line_comes_when_something_changes(home, clock, look):
    assert look() == ["0 of 4 runs done, 4 waiting, 0 s so far, about 2 min left"]
    clock.now += 1
    assert look() == []
    do(home, KEYS[0])
    clock.now += 1
    assert look() == ["1 of 4 runs done, 3 waiting, 2 s so far, about 0 s left"]
    assert look() == []


def test_runs_of_before_correct_nothing_again(home, clock, look):
    """What was expected knows of them already."""
    do(home, KEYS[0])
    assert look() == ["1 of 4 runs done, 3 waiting, 0 s so far, about 2 min left"]


def test_and_now_and_then_where_nothing_does(home, clock, look):
    run = begin(home, KEYS[0])
    assert look()[1:] == ["  baseline, seed 0: starting"]
    run.log(1, 5, {"loss": 0.5})
    clock.now += PLAIN_SECONDS - 0.1
    assert look() == []
    clock.now += 0.1
    summary, line = look()
    assert summary == "0 of 4 runs done, 3 waiting, 1 running, 15 s so far, about 2 min left"
    assert line == "  baseline, seed 0: 1/5, loss 0.500"
    clock.now += PLAIN_SECONDS
    assert len(look()) == 2


def test_what_runs_tell_of_themselves_beats_the_guess(home, look):
    """Three on two workers, beside one that says that it needs an hour: so do they, then."""
    begin(home, KEYS[0])
    entries = [{"time": 0.0, **step(1, 37)}, {"time": 100.0, **step(2, 37)}]
    text = "".join(f"{json.dumps(entry)}\n" for entry in entries)
    (home.run(KEYS[0]).path / "progress-1.jsonl").write_text(text)
    summary, _ = look()
    assert summary.endswith("about 1 h 56 min left")  # twice 35 steps of 100 s


def test_when_all_is_over_no_time_is_left(home, look):
    for key in KEYS:
        do(home, key)
    assert look() == ["4 of 4 runs done, 0 s so far"]


def test_a_plan_that_has_grown_is_told_with_its_note(home, look):
    look()
    key, *_ = KEYS
    look.live.extend(PLAN, dict.fromkeys(KEYS, 30.0), "best 0.5")
    do(home, key)
    assert look() == ["best 0.5, 1 of 4 runs done, 3 waiting, 0 s so far, about 0 s left"]


def test_it_opens_and_closes_without_a_terminal(look):
    with look.live as live:
        assert live is look.live
    assert look()
