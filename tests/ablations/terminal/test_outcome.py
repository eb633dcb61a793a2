"""What a launch begins with, and what came of it."""

from __future__ import annotations

import json
from math import nan

from ablations.launch.launcher import take_snapshot
from ablations.runs.directory import State
from ablations.terminal.outcome import announce, conclude, tell_failures
from helpers.states import ERROR, one_of_each
from helpers.toy import PLAN
from helpers.tracking import do

KEYS = list(PLAN.runs)


def snapshot_of(home, plan=PLAN):
    return take_snapshot(home, list(plan.runs), home.observer())


def announced(home, capsys, seconds, workers):
    announce(PLAN, snapshot_of(home), dict.fromkeys(KEYS, seconds), workers)
    return capsys.readouterr().out


def test_what_is_left_is_announced_with_its_time(home, capsys):
    begin = "toy at scale small (parabola): "
    assert announced(home, capsys, 60.0, 2) == (
        f"{begin}0 of 4 runs done already, 4 to do with 2 workers, about 2 min\n"
    )
    do(home, KEYS[0])
    assert announced(home, capsys, nan, 2) == (
        f"{begin}1 of 4 runs done already, 3 to do with 2 workers, an unknown time\n"
    )
    for key in KEYS[1:]:
        do(home, key)
    assert announced(home, capsys, 60.0, 2) == f"{begin}4 of 4 runs done already\n"


def test_every_run_without_a_result_is_told_and_why(home, capsys):
    plan, keys, _ = one_of_each(home)
    assert tell_failures(home, plan, snapshot_of(home, plan)) == 7
    lines = capsys.readouterr().out.splitlines()
    names = {state: plan.runs[key].name for state, key in keys.items()}
    assert f"failed: {names[State.FAILED]}: {ERROR}" in lines
    assert f"        more in {home.run(keys[State.FAILED]).path}" in lines
    assert f"failed: {names[State.LOST]}: its worker died repeatedly" in lines
    assert f"cancelled: {names[State.CANCELLED]}" in lines
    assert not any(names[State.DONE] in line for line in lines)


def test_the_end_counts_what_was_done(home, capsys):
    plan, _, _ = one_of_each(home)
    assert conclude(home, plan, snapshot_of(home, plan)) == 7
    assert capsys.readouterr().out.endswith("\n1 of 8 runs done\n")


def test_why_a_run_failed_is_told_in_a_line_without_secrets(home, capsys):
    plan, keys, _ = one_of_each(home)
    run = home.run(keys[State.FAILED])
    (path,) = run.path.glob("failure-*.json")
    error = "no\nanswer of postgresql://u:secret@h/x " + "and so on " * 10_000
    path.write_text(json.dumps(json.loads(path.read_text()) | {"error": error}))
    tell_failures(home, plan, snapshot_of(home, plan))
    name = plan.runs[run.key].name
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if line.startswith(f"failed: {name}: ")]
    assert "no answer of postgresql://u:***@h/x and so on" in line
    assert len(line) < 1200
