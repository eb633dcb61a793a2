"""What a job may use: the profile, and what goes wrong with it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablations.errors import UserError
from ablations.launch.slurm.profile import read_profile
from ablations.launch.slurm.resources import Resources

NUMBERS = st.integers(0, 59)


@given(st.integers(0, 30), st.integers(1, 23), NUMBERS, NUMBERS)
def test_times_are_read_as_slurm_reads_them(days, hours, minutes, seconds):
    whole = (days * 24 + hours) * 60 + minutes + (seconds > 0)
    assert Resources(time=f"{days}-{hours}:{minutes:02}:{seconds:02}").minutes == whole
    assert Resources(time=f"{days * 24 + hours}:{minutes:02}:{seconds:02}").minutes == whole
    assert Resources(time=f"{hours * 60 + minutes}").minutes == hours * 60 + minutes
    assert Resources(time=f"{days}-{hours}").minutes == (days * 24 + hours) * 60
    assert Resources(time=f"{hours}:{seconds:02}", signal_seconds=10).minutes == hours + (
        seconds > 0
    )


def read_resources(profile, scale, changes, **levels):
    return read_profile(profile, changes).resources(scale, levels)


def test_each_layer_lies_over_the_one_before(tmp_path):
    profile = tmp_path / "cluster.toml"
    profile.write_text('[default]\nmem = "1G"\ncpus = 2\nqos = "low"\n[scale.large]\nmem = "2G"\n')
    assert read_resources(profile, "small", {}) == Resources(mem="1G", cpus=2, qos="low")
    changed = read_resources(profile, "large", {"qos": "high"})
    assert changed == Resources(mem="2G", cpus=2, qos="high")


def test_runs_with_a_level_may_ask_for_more(tmp_path):
    profile = tmp_path / "cluster.toml"
    profile.write_text(
        '[default]\nmem = "1G"\n[scale.large]\ngpus = 1\n'
        '[level.window."1/1-all"]\ngpus = 4\nmem = "8G"\n'
    )
    assert read_resources(profile, "large", {}, window="2/1") == Resources(mem="1G", gpus=1)
    more = read_resources(profile, "large", {}, window="1/1-all", init="kaiming")
    assert more == Resources(mem="8G", gpus=4)
    assert (more.processes, Resources(gpus=4, tasks=1).processes, Resources().processes) == (
        4,
        1,
        1,
    )
    assert more.brief() == "gpus 4, mem 8G"


def test_no_profile_is_all_right_unless_one_was_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert read_resources(None, "small", {}) == Resources()
    with pytest.raises(UserError, match=r"there is no profile other\.toml"):
        read_resources(tmp_path.relative_to(tmp_path) / "other.toml", "small", {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[default]\nmemory = 1", "no resource 'memory': did you mean mem?"),
        ("[defaults]\nmem = 1", r"no table \[defaults\]: did you mean default\?"),
        ("[level.window]\nmem = '1G'", r"level.window.mem should be a table"),
        ("scale = 1", r"scale should be a table, such as \[scale\]"),
        ("[default]\ntime = 'a day'", "time 'a day' should read like 30, 12:00:00 or 2-00:00:00"),
        ("[default]\ntime = '1'", "not longer than signal_seconds"),
        ("[default]\ncpus = 0", "cpus cannot be 0"),
        ("[default", "is no valid TOML"),
        ("default = 3", "default should be a table"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, text, said):
    profile = tmp_path / "cluster.toml"
    profile.write_text(text)
    with pytest.raises(UserError, match=said):
        read_resources(profile, "small", {})
