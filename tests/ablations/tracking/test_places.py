"""A home that is moved or copied: the places of its files follow."""

from __future__ import annotations

import shutil

import pytest

from ablations.runs.home import Home
from ablations.study.plans import save_plan
from ablations.tracking.collector import Collector
from ablations.tracking.places import local_path
from ablations.tracking.reader import read_study
from ablations.tracking.store import connect, writable
from helpers.commands import forget_stores
from helpers.toy import PLAN, TWO_SEEDS
from helpers.tracking import do, give_store, tracked


@pytest.fixture
def home(tmp_path, empty_store):
    """With all runs of the toy study tracked."""
    home = Home(tmp_path / "home")
    give_store(home, empty_store)
    save_plan(home, PLAN)
    for key in PLAN.runs:
        do(home, key)
    Collector(home, home.tracking_uri).sync()
    return home


def move(home, name):
    """As between two commands."""
    forget_stores()
    return Home(home.root.rename(home.root.with_name(name)))


def places(home):
    return {local_path(run.info.artifact_uri) for run in tracked(home).values()}


def read(home):
    return read_study(home.tracking_uri, "toy").runs.keys()


@pytest.mark.parametrize("name", ["elsewhere", "50% of #1?", "a'b é"])
def test_a_home_that_was_moved(home, name):
    moved = move(home, name)
    assert read(moved) == PLAN.runs.keys()
    assert all(place.is_relative_to(moved.artifacts) for place in places(moved))
    save_plan(moved, TWO_SEEDS.plan)
    new = sorted(TWO_SEEDS.plan.runs.keys() - PLAN.runs.keys())[0]
    do(moved, new)
    assert Collector(moved, moved.tracking_uri).sync() == 1
    assert len(read(moved)) == len(PLAN.runs) + 1
    assert not home.root.exists()


def test_a_copy_keeps_its_own_files_and_leaves_the_others(home):
    copy = Home(shutil.copytree(home.root, home.root.with_name("copy")))
    before = places(home)
    forget_stores()
    assert read(copy) == PLAN.runs.keys()
    assert all(place.is_relative_to(copy.artifacts) for place in places(copy))
    assert places(home) == before
    shutil.rmtree(home.root)
    assert read(copy) == PLAN.runs.keys()


def test_files_that_are_gone_too_are_delivered_to_where_the_home_is_now(home):
    shutil.rmtree(home.artifacts)
    moved = move(home, "elsewhere")
    assert Collector(moved, moved.tracking_uri).sync(everything=True) == len(PLAN.runs)
    assert read(moved) == PLAN.runs.keys()
    assert not home.root.exists()


def test_files_that_are_kept_elsewhere_stay_there(home, tmp_path):
    """The store of a home may be anywhere."""
    store = tmp_path / "other" / "store.db"
    store.parent.mkdir()
    uri = f"sqlite:///{store}"
    Collector(home, uri).sync()
    moved = f"sqlite:///{store.rename(tmp_path / 'moved.db')}"
    connect(moved)
    found = tracked(home, moved).values()
    assert all(local_path(run.info.artifact_uri).is_relative_to(home.artifacts) for run in found)


def test_who_may_only_read_sees_a_moved_home_in_a_copy(home, monkeypatch):
    moved = move(home, "elsewhere")
    before = moved.store.read_bytes()
    monkeypatch.setattr(
        "ablations.tracking.store.may_write", lambda path: moved.root not in path.parents
    )
    with writable(moved.tracking_uri) as uri:
        assert read_study(uri, "toy").runs.keys() == PLAN.runs.keys()
    assert moved.store.read_bytes() == before
