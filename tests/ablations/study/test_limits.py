"""Limits of runs, in a study and over it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ablations import Limits
from ablations.cli.options import Limited
from ablations.errors import UserError
from ablations.study.expansion import expand
from helpers.commands import TOY
from helpers.toy import STUDY


@pytest.mark.parametrize("value", [0, -1, float("inf"), float("nan"), "2h"])
@pytest.mark.parametrize("name", ["time", "silence"])
def test_a_limit_is_a_positive_number_of_seconds(name, value):
    with pytest.raises(UserError, match=f"a limit of {name} is more than 0 seconds, not"):
        Limits(**{name: value})


def test_a_study_hands_its_limits_on_and_keys_do_not_know_them():
    limited = replace(STUDY, limits=Limits(time=60))
    expansion = expand("toy", limited, seeds=1)
    assert expansion.limits == Limits(time=60)
    assert expansion.plan == expand("toy", STUDY, seeds=1).plan


def test_the_command_line_lies_over_the_study():
    of_study = Limits(time=60, silence=5)
    assert Limited(None, None).over(of_study) == of_study
    assert Limited(90.0, None).over(of_study) == Limits(90, 5)
    assert Limited(None, 7.0).over(of_study) == Limits(60, 7)


@pytest.mark.parametrize("command", ["run", "search"])
def test_a_duration_that_is_none_is_refused_in_one_sentence(ablate, home, command):
    done = ablate(command, TOY, "--time-limit", "soon")
    assert done.returncode == 2
    assert done.stderr == "ablate: 'soon' is no duration: write such as 90s, 10min, 2h or 1d\n"
    assert not home.root.exists()


def test_a_run_that_hangs_fails_here_too(ablate, home):
    done = ablate(
        "run",
        TOY,
        "--set",
        "pause=3600",
        "--set",
        "rule=plain",
        "--set",
        "rate=0.1",
        "--set",
        "pace=5",
        "--silence-limit",
        "2s",
        "--seeds",
        "1",
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "it made no progress for longer than its limit of 2 s" in done.stdout
