"""How long runs will take, and how that is said."""

from __future__ import annotations

from dataclasses import replace
from math import isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablations.files import write_json
from ablations.launch.timing import (
    about,
    expected_seconds,
    in_words,
    seconds_left,
    seconds_taken,
    wall_seconds,
)
from ablations.study.expansion import expand
from helpers.disks import age
from helpers.toy import STUDY


def expansion(guess):
    experiment = replace(STUDY.experiment, expected_seconds=guess)
    return expand("toy", replace(STUDY, experiment=experiment), seeds=1)


def finish(home, key, seconds):
    home.run(key).path.mkdir(parents=True)
    result = {"metrics": {}, "tables": [], "provenance": {}}
    result |= {"started": 100.0, "ended": 100.0 + seconds}
    write_json(home.run(key).files / "result.json", result)


def test_without_finished_runs_the_guess_stands(home):
    asked = expansion(lambda config: config.steps)
    found = expected_seconds(home, asked)
    assert found == {key: config.steps for key, config in asked.configs.items()}
    assert not home.root.exists()


def test_finished_runs_correct_the_guess_by_their_median(home):
    asked = expansion(lambda config: config.steps)
    first, second, third, _ = asked.configs
    for key, factor in ((first, 2), (second, 3), (third, 100)):
        finish(home, key, factor * asked.configs[key].steps)
    expected = {key: 3.0 * config.steps for key, config in asked.configs.items()}
    assert expected_seconds(home, asked) == pytest.approx(expected)


def test_what_nobody_can_guess_takes_what_others_took(home):
    asked = expansion(lambda config: nan)
    assert all(isnan(seconds) for seconds in expected_seconds(home, asked).values())
    first, second, third, _ = asked.configs
    for key, seconds in ((first, 2.0), (second, 7.0), (third, 90.0)):
        finish(home, key, seconds)
    assert expected_seconds(home, asked) == pytest.approx(dict.fromkeys(asked.configs, 7.0))


def test_a_guess_of_nothing_is_no_reason_to_divide(home):
    asked = expansion(lambda config: 0.0)
    finish(home, next(iter(asked.configs)), 5.0)
    assert set(expected_seconds(home, asked).values()) == {0.0}


def test_all_attempts_of_a_run_count(home):
    key = next(iter(expansion(lambda config: nan).configs))
    finish(home, key, 1.0)
    run = home.run(key)
    for number, seconds in ((1, 100), (2, 30), (3, 1)):
        (run.path / f"claim-{number}.json").touch()
        (run.path / f"heartbeat-{number}").touch()
        age(run.path / f"claim-{number}.json", seconds)
    assert seconds_taken(run, {**run.result(), "attempt": 3}) == pytest.approx(131, abs=1)
    # of a home that tells nothing of its attempts, the last one's own word is all there is
    assert seconds_taken(home.run("0"), {**run.result(), "attempt": 3}) == 1.0


def test_what_is_left_of_a_study_by_hand():
    # of ten seconds each, two at work for three more each, four to come after them
    assert seconds_left([10, 10, 10], [(7, 3.0), (7, None)], 4, 2) == 3 + 20
    assert seconds_left([10], [], 3, 0) == 30  # nobody there: as for one
    assert seconds_left([], [(4, 6.0)], 1, 1) == 16  # what a run tells of itself has to do
    assert seconds_left([5], [(60, None)], 0, 1) == 0
    assert seconds_left([], [], 0, 3) == 0
    assert isnan(seconds_left([], [(4, None)], 0, 1))


def test_the_wall_clock_of_a_few_by_hand():
    assert wall_seconds([1, 5, 3, 3], 2) == 6  # 5 + 1 beside 3 + 3
    assert wall_seconds([], 3) == 0
    assert wall_seconds([4], 3) == 4
    assert isnan(wall_seconds([1, nan], 2))


@given(st.lists(st.integers(0, 1000), max_size=30).map(lambda all: [float(n) for n in all]),
       st.integers(1, 8))  # fmt: skip
def test_the_wall_clock_has_its_bounds(seconds, workers):
    found = wall_seconds(seconds, workers)
    longest = max(seconds, default=0.0)
    assert max(longest, sum(seconds) / workers) - 1e-6 <= found <= sum(seconds)
    assert found <= sum(seconds) / workers + longest + 1e-6
    assert wall_seconds(seconds, 1) == pytest.approx(sum(seconds))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (200, "3 min 20 s"),
        (3599.6, "1 h"),
        (7500, "2 h 5 min"),
        (nan, "unknown"),
    ],
)
def test_times_for_people(seconds, text):
    assert in_words(seconds) == text
    assert about(seconds) == ("an unknown time" if isnan(seconds) else f"about {text}")
