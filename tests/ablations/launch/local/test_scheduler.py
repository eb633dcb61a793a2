"""The local scheduler, as far as it goes without processes.

With them: tests/ablations/launch/test_launcher_processes.py.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from ablations.errors import UserError
from ablations.launch.job import PREFIX, THREADS
from ablations.launch.launcher import Launcher
from ablations.launch.local.scheduler import MAX_BARREN, LocalScheduler
from ablations.launch.scheduler import Options, QueuedJob
from helpers.toy import EXPANSION


@pytest.mark.parametrize(
    "options",
    [
        Options(pack=2),
        Options(profile=Path("cluster.toml")),
        Options(resources={"cpus": "2"}),
        Options(sync=True),
    ],
)
def test_options_of_clusters_are_refused(home, options):
    with pytest.raises(UserError, match="go with --cluster slurm"):
        LocalScheduler(home, options).check()
    LocalScheduler(home, Options(workers=7)).check()


@pytest.mark.parametrize(("workers", "lines"), [(1, 1), (3, 3), (9, 4)])
def test_the_script_has_a_line_for_each_worker_that_has_work(home, workers, lines):
    scheduler = LocalScheduler(home, Options(workers=workers))
    launcher = Launcher(home, "toy", EXPANSION, scheduler, {}, home.tracking_uri)
    script = launcher.script().splitlines()
    assert len(script) == lines
    assert all(line.startswith(" ".join(f"{name}=1" for name in THREADS)) for line in script)
    assert all(line.endswith(str(home.launches)) for line in script)
    assert not home.root.exists()


def test_workers_that_live_or_run_are_counted_in(home):
    """None is started where enough are at it: what would be, `submit` says."""
    scheduler = LocalScheduler(home, Options(workers=2))
    work = Launcher(home, "toy", EXPANSION, scheduler, {}, home.tracking_uri).work
    jobs = [QueuedJob(str(number), "", "RUNNING") for number in range(2)]
    assert scheduler.submit(work, work.requests, jobs, running=0) == []
    assert scheduler.submit(work, work.requests, [], running=2) == []  # of an earlier launch
    assert scheduler.submit(work, [], [], running=0) == []
    # two that just started will take the only two runs that are due
    scheduler.workers = 5
    assert scheduler.submit(work, work.requests[:2], jobs, running=0) == []


class EndedJob:
    """What submitit tells of a worker that ended."""

    def __init__(self, log="", error=True):
        self.error, self.log = error, log
        self.paths = SimpleNamespace(stdout=Path("/logs/1_0_log.out"))

    def done(self):
        return True

    def exception(self):
        return RuntimeError() if self.error else None

    def stdout(self):
        return self.log


@pytest.fixture
def scheduler(home):
    return LocalScheduler(home, Options(workers=2))


def explain(scheduler, ended, attempts=0):
    scheduler._jobs = list(ended)
    return scheduler.explain([], attempts)


def test_what_a_worker_said_is_told(scheduler):
    said = EndedJob(f"noise\n{PREFIX}an earlier thing\n{PREFIX}cannot write there\nmore noise\n")
    assert explain(scheduler, [EndedJob(), said]) == "cannot write there"
    assert explain(scheduler, []) == "cannot write there"  # as long as nobody mends it


def test_workers_that_die_without_a_word_are_given_some_tries(scheduler):
    for _ in range(MAX_BARREN - 1):
        assert explain(scheduler, [EndedJob("")]) is None
    trouble = explain(scheduler, [EndedJob("")])
    assert trouble == "workers die before they start a run; the reason is in /logs/1_0_log.out"


def test_who_did_a_run_before_it_died_does_not_count(scheduler):
    for attempts in range(3 * MAX_BARREN):
        assert explain(scheduler, [EndedJob("")], attempts) is None


def test_workers_that_ended_well_are_no_trouble(scheduler):
    assert explain(scheduler, [EndedJob(error=False)] * (2 * MAX_BARREN)) is None


def test_each_death_counts_once(scheduler):
    assert explain(scheduler, [EndedJob("") for _ in range(MAX_BARREN - 1)]) is None
    for _ in range(MAX_BARREN):
        assert scheduler.explain([], 0) is None
    assert scheduler.queue() == []


def test_a_full_disk_is_told_as_the_reason(scheduler, monkeypatch):
    monkeypatch.setattr("ablations.file_system.NEEDED_BYTES", 1e30)
    with pytest.raises(UserError, match="MB are free on the disk of"):
        explain(scheduler, [EndedJob("")])
