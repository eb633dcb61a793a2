"""The list of schedulers is whole, and says what is not here."""

from __future__ import annotations

from pathlib import Path

import pytest

import ablations.launch
from ablations.cli.options import scheduler_option
from ablations.errors import UserError
from ablations.launch.scheduler import Options, Scheduler
from ablations.launch.schedulers import (
    SCHEDULERS,
    clusters,
    make_scheduler,
    queued_launches,
    scheduler_class,
)
from helpers.scheduling import HereScheduler


@pytest.mark.parametrize("name", SCHEDULERS)
def test_every_scheduler_is_whole(name):
    kind = scheduler_class(name)
    assert issubclass(kind, Scheduler)
    assert not kind.__abstractmethods__
    assert isinstance(kind.detached, bool)
    assert kind.poll_seconds > 0


def test_the_scheduler_of_the_tests_is_one_too():
    assert issubclass(HereScheduler, Scheduler)
    assert not HereScheduler.__abstractmethods__


def test_each_folder_has_a_line_and_the_command_line_offers_it():
    folders = {
        path.parent.name for path in Path(ablations.launch.__path__[0]).glob("*/scheduler.py")
    }
    assert folders == set(SCHEDULERS)
    option = scheduler_option(lambda cluster: None).__click_params__[0]
    assert set(option.type.choices) == set(SCHEDULERS)
    assert option.default in SCHEDULERS


def test_an_option_is_refused_before_anything_starts(home):
    assert make_scheduler("local", home, Options(workers=3)).workers == 3
    with pytest.raises(UserError, match="go with --cluster slurm"):
        make_scheduler("local", home, Options(pack=2))
    assert not home.root.exists()


@pytest.fixture
def without_slurm(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("without_slurm")
def test_where_no_cluster_is_reached(home):
    assert clusters(home) == []
    with pytest.raises(UserError, match="this machine reaches no cluster"):
        clusters(home, required=True)
    with pytest.raises(UserError, match="this machine has no SLURM"):
        make_scheduler("slurm", home, Options())


@pytest.mark.usefixtures("without_slurm")
def test_without_a_cluster_nobody_tells_what_is_queued(home):
    """Also where nothing was launched from this home: jobs may be known by what runs say."""
    assert queued_launches(home) is None


def test_a_cluster_that_fails_tells_nothing_either(home, monkeypatch, tmp_path):
    for name in ("sbatch", "srun", "squeue"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert queued_launches(home) is None
    (tmp_path / "squeue").write_text('#!/bin/sh\necho "12_3|RUNNING|None|n1|1:00|toy-1"\n')
    assert queued_launches(home) == {"12_3": "toy-1"}


def test_shares_of_gpus_are_for_this_machine_alone(home, monkeypatch, tmp_path):
    for name in ("sbatch", "srun", "squeue"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="--per-gpu goes with --cluster local"):
        make_scheduler("slurm", home, Options(per_gpu=2))
