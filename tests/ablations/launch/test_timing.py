"""How long runs will take, and how that is said."""

from __future__ import annotations

from dataclasses import replace
from math import isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablations.files import write_json
from ablations.launch.timing import about, expected_seconds, in_words, wall_seconds
from ablations.study.expansion import expand
from helpers.toy import STUDY


def expansion(guess):
    experiment = replace(STUDY.experiment, expected_seconds=guess)
    return expand("toy", replace(STUDY, experiment=experiment), seeds=1)


def finish(home, key, seconds):
    home.run(key).path.mkdir(parents=True)
    write_json(home.run(key).files / "result.json", {"started": 100.0, "ended": 100.0 + seconds})


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
