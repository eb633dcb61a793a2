"""A launch is a directory: what was put there is what its workers read."""

from __future__ import annotations

import re
import time
from dataclasses import replace

import pytest

from ablations.launch.launcher import Launcher
from ablations.launch.launches import Launch, launch_of, launches_of, make_launch
from ablations.study.catalogue import load_study
from helpers.commands import TOY
from helpers.scheduling import HereScheduler
from helpers.toy import EXPANSION


def work_of(home, study=TOY):
    return Launcher(home, study, EXPANSION, HereScheduler(home), {"git_sha": "a"}, "uri").work


def test_what_was_asked_is_what_workers_read(home, tmp_path):
    work, before = work_of(home), time.time()
    made = make_launch(home, work, work.requests[1:], tmp_path / "code")
    found = Launch(made.path)
    assert made.path.parent == home.launches
    assert found.name == made.path.name
    assert found.name.startswith("toy-")
    assert found.study == "toy"
    assert found.requests == list(work.requests[1:])
    assert found.keys == {one.key for one in work.requests[1:]}
    assert found.trouble is None
    content = found.content
    assert content["provenance"] == {"git_sha": "a"}
    assert content["code"] == str(tmp_path / "code")
    assert before <= content["submitted"] <= time.time()


def test_a_study_file_is_copied_and_a_known_study_is_named(home, tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(f"import runpy\nSTUDY = runpy.run_path({TOY!r}, run_name='toy')['STUDY']\n")
    copied = make_launch(home, work_of(home, str(mine)), [], None)
    mine.write_text("raise RuntimeError")  # an edit does not reach what waits
    assert load_study(copied.content["study"])[1].title == "A toy"
    assert copied.content["file"] == str(mine)
    assert copied.content["code"] is None
    named = make_launch(home, work_of(home, "overview"), [], None)
    assert named.content["study"] == "overview"
    assert named.content["file"] is None


@pytest.mark.parametrize("name", ["my toy", "a,b|c", "50%", "it's", "étude+1", "#h"])
def test_the_name_of_its_jobs_is_plain_whatever_the_study_is_called(home, name):
    work = work_of(home)
    plan = replace(work.expansion.plan, study=name)
    work = replace(work, expansion=replace(work.expansion, plan=plan))
    launch = make_launch(home, work, [], None)
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", launch.name)
    assert launches_of(home, name) == [launch]


def test_launches_are_found_by_study_the_last_one_last(home):
    assert launches_of(home) == []
    for name, study in (("b-2", "b"), ("a-2", "a"), ("a-1", "a")):
        path = home.launches / name
        path.mkdir(parents=True)
        (path / "launch.json").write_text(f'{{"name": "{study}"}}')
    (home.launches / "being-made").mkdir()  # nothing is in it yet
    assert [launch.name for launch in launches_of(home)] == ["a-1", "a-2", "b-2"]
    assert [launch.name for launch in launches_of(home, "a")] == ["a-1", "a-2"]
    assert launches_of(home, "c") == []


def test_two_launches_of_one_second_are_two(home):
    work = work_of(home)
    names = {make_launch(home, work, [], None).name for _ in range(5)}
    assert len(names) == len(launches_of(home)) == 5


def test_what_a_worker_said_is_read(home):
    launch = make_launch(home, work_of(home), [], None)
    (launch.path / "trouble.txt").write_text("the disk is full")
    assert launch.trouble == "the disk is full"
    (launch.path / "trouble.txt").write_text("no requeue\nno requeue\n\nthe disk is full\n")
    assert launch.trouble == "no requeue; the disk is full"  # of several workers


@pytest.mark.parametrize(
    ("attempt", "name"),
    [
        ({"log": "/home/launches/toy-1/12_0_log.out"}, "toy-1"),
        ({"log": "/home/launches/12_0_log.out"}, None),  # of the local executor
        ({"log": None}, None),
        ({}, None),
    ],
)
def test_the_launch_of_an_attempt_by_its_log(attempt, name):
    assert launch_of(attempt) == name
