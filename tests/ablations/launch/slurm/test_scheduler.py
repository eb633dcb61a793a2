"""How SLURM's queue is read, and what is done about jobs that are stuck; SLURM is a script here.

With a real one: test_held.py.
"""

from __future__ import annotations

import pytest

from ablations.errors import UserError
from ablations.launch.launcher import Launcher
from ablations.launch.launches import launches_of
from ablations.launch.scheduler import Options, QueuedJob
from ablations.launch.slurm.scheduler import RELEASES, SlurmScheduler
from ablations.runs.home import Home
from helpers.toy import EXPANSION
from helpers.tracking import begin

HELD = "launch failed requeued held"


@pytest.fixture
def slurm(monkeypatch, tmp_path):
    """Lets commands of SLURM print or fail, and remembers how they were called."""

    class Commands:
        calls = tmp_path / "calls"

        def write(self, name, script):
            path = tmp_path / name
            path.write_text(f'#!/bin/sh\necho {name} "$@" >> {self.calls}\n{script}\n')
            path.chmod(0o755)

        def lists(self, *lines):
            (tmp_path / "listed").write_text("".join(f"{line}\n" for line in lines))

        def called(self, name):
            lines = self.calls.read_text().splitlines() if self.calls.exists() else []
            return [line for line in lines if line.startswith(f"{name} ")]

    commands = Commands()
    for name in ("sbatch", "srun", "scancel", "scontrol"):
        commands.write(name, "")
    commands.write("squeue", f"/bin/cat {tmp_path}/listed")
    monkeypatch.setenv("PATH", str(tmp_path))
    return commands


@pytest.fixture
def home(tmp_path):
    """One that knows no real cluster."""
    return Home(tmp_path / "home")


@pytest.fixture
def scheduler(home, slurm):
    return SlurmScheduler(home, Options())


def launch(home, name, study):
    (home.launches / name).mkdir(parents=True)
    (home.launches / name / "launch.json").write_text(f'{{"name": "{study}"}}')


def test_a_line_of_the_queue(slurm, scheduler):
    slurm.lists(
        "12_3|RUNNING|None|n2|1-02:03:04|toy-1",
        "13|PENDING|Resources||30:00|a name, with | all-1-sync",
        "14|COMPLETING|None|n1|INVALID|toy-1",
    )
    running, waiting, ending = scheduler.queue()
    seconds = 86400 + 2 * 3600 + 3 * 60 + 4
    assert running == QueuedJob("12_3", "toy-1", "RUNNING", node="n2", seconds_left=seconds)
    assert running.can_work
    assert (waiting.launch, waiting.works) == ("a name, with | all-1", False)
    assert waiting.why == "Resources (what it asks for is not free yet)"
    assert waiting.seconds_left is None
    assert not waiting.stuck
    assert (ending.works, ending.can_work, ending.seconds_left) == (False, False, None)


def test_titles_of_clusters_are_no_jobs(slurm, scheduler):
    """As squeue prints them where SLURM_CLUSTERS names some."""
    slurm.lists("CLUSTER: east", "12|RUNNING|None|n2|3:04|toy-1", "", "CLUSTER: west")
    assert [job.number for job in scheduler.queue()] == ["12"]


def test_only_the_jobs_of_a_study_are_asked_for(home, slurm, scheduler):
    assert scheduler.queue("toy") == []
    assert slurm.called("squeue") == []
    launch(home, "toy-1", "toy")
    launch(home, "my_toy-1", "my toy")
    slurm.lists()
    assert scheduler.queue("my toy") == []
    (call,) = slurm.called("squeue")
    assert call.endswith(" --name=my_toy-1,my_toy-1-sync")


@pytest.mark.parametrize("reason", ["JobHeldUser", HELD, "BadConstraints"])
def test_a_stuck_job_is_no_worker_to_come(slurm, scheduler, reason):
    slurm.lists(f"12|PENDING|{reason}||UNLIMITED|toy-1")
    (job,) = scheduler.queue()
    assert job.stuck
    assert job.works
    assert not job.can_work


def test_what_slurm_holds_is_released_a_few_times(slurm, scheduler):
    slurm.lists(f"12_0|PENDING|{HELD}||1:00|toy-1", f"12_1|PENDING|{HELD}||1:00|toy-1")
    jobs = scheduler.queue()
    said = [scheduler.free(jobs, True) for _ in range(RELEASES + 2)]
    assert slurm.called("scontrol") == ["scontrol release 12_0,12_1"] * RELEASES
    assert said[0][0].startswith(f"released jobs 12_0,12_1, which SLURM held: {HELD} (")
    assert said[1:] == [[]] * (RELEASES + 1)  # told once
    assert slurm.called("scancel") == []


def test_what_slurm_does_not_release_is_told(slurm, scheduler):
    slurm.write("scontrol", "echo Access denied >&2; exit 1")
    slurm.lists(f"12|PENDING|{HELD}||1:00|toy-1")
    (said,) = scheduler.free(scheduler.queue(), True)
    assert said.startswith("not all released (scontrol failed: Access denied) of jobs 12")


def test_what_somebody_holds_is_left_and_told(slurm, scheduler):
    slurm.lists("12|PENDING|JobHeldUser||1:00|toy-1", "13|PENDING|Priority||1:00|toy-1")
    (said,) = scheduler.free(scheduler.queue(), True)
    assert said.startswith("jobs 12 are held and do not count: JobHeldUser (you hold it;")
    assert slurm.called("scontrol") == slurm.called("scancel") == []


def test_what_never_starts_is_cancelled(slurm, scheduler):
    slurm.lists("12|PENDING|BadConstraints||1:00|toy-1", "13|PENDING|Priority||1:00|toy-1")
    (said,) = scheduler.free(scheduler.queue(), True)
    assert said.startswith("cancelled jobs 12, which SLURM would never start: BadConstraints (")
    assert slurm.called("scancel") == ["scancel --quiet 12"]


@pytest.mark.parametrize("reason", ["JobHeldUser", HELD, "BadConstraints"])
def test_where_nothing_is_left_to_do_stuck_jobs_are_cancelled(slurm, scheduler, reason):
    slurm.lists(f"12|PENDING|{reason}||1:00|toy-1", "13|PENDING|Priority||1:00|toy-1")
    (said,) = scheduler.free(scheduler.queue(), False)
    assert said.startswith(f"cancelled jobs 12, for which nothing is left to do: {reason} (")
    assert slurm.called("scancel") == ["scancel --quiet 12"]
    assert slurm.called("scontrol") == []


def test_a_queue_that_does_not_answer_is_no_empty_one(slurm, scheduler):
    slurm.write("squeue", "exit 1")
    with pytest.raises(UserError, match="squeue failed"):
        scheduler.queue()


def test_workers_know_what_others_are_at_who_may_die(home, slurm, scheduler):
    slurm.lists()
    slurm.write("sbatch", "echo 7")
    theirs, *due = EXPANSION.plan.runs
    begin(home, theirs)
    submission = Launcher(home, "toy", EXPANSION, scheduler, {}, home.tracking_uri).submit()
    assert [one.runs for one in submission.submitted] == [len(due)]
    (launch,) = launches_of(home, "toy")
    assert sorted(one.key for one in launch.requests[:-1]) == sorted(due)
    assert launch.requests[-1].key == theirs
