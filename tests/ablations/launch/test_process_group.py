"""Processes that share runs: what they tell one another, and what happens when one is gone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import asdict
from multiprocessing import Pipe
from pathlib import Path

import pytest

import ablations.launch.process_group
from ablations.files import write_json
from ablations.launch.process_group import BrokenGroupError, ProcessGroup
from ablations.launch.requests import requests_of
from ablations.launch.slurm.job import KILLED
from ablations.runs.directory import State
from ablations.runs.home import Home
from ablations.study.catalogue import load_study
from ablations.study.expansion import expand
from helpers.commands import TOY
from helpers.processes import DEADLINE
from helpers.runs import states

# the first process does nothing in time while another fails
UNEVEN = """
def run_unevenly(config, run):
    rank = int(os.environ["SLURM_PROCID"])
    if config.fail_unless == "other" and rank == 1:
        raise RuntimeError("no GPU is left")
    if config.fail_unless == "other":
        time.sleep(3600)
    if config.fail_unless == "both":
        raise RuntimeError("it diverged")
    (run.directory / f"rank-{rank}").touch()
    return {"final": 0.0}

from dataclasses import replace
STUDY = replace(STUDY, experiment=replace(STUDY.experiment, function=run_unevenly))
"""


@pytest.fixture
def two():
    mine, yours = Pipe()
    return ProcessGroup(0, (mine,), 2), ProcessGroup(1, (yours,), 2)


def test_the_others_hear_what_the_first_tells(two):
    first, other = two
    heard = []
    thread = threading.Thread(target=lambda: heard.extend((other.hear(), other.hear())))
    thread.start()
    first.gather()
    first.tell(("key", 3))
    first.gather()
    first.tell(None)
    thread.join()
    assert heard == [("key", 3), None]


def test_whoever_hangs_or_is_gone_breaks_the_team(two, monkeypatch):
    first, other = two
    monkeypatch.setattr(ablations.launch.process_group, "PATIENCE_SECONDS", 0.1)
    with pytest.raises(BrokenGroupError, match="hangs"):
        first.gather()
    with pytest.raises(BrokenGroupError, match="hangs"):
        other.hear(patience=0.1)
    first._members[0].close()
    with pytest.raises(BrokenGroupError, match="gone"):
        other.hear()


@pytest.fixture
def run_two(tmp_path):
    """Both processes of a job, with the environment that SLURM would give them."""
    study = tmp_path / "uneven.py"
    study.write_text(Path(TOY).read_text() + UNEVEN)
    home = Home(tmp_path / "home")
    launch = home.launches / "one"

    def run(fail: str, patience: float = DEADLINE):
        changes = {"fail_unless": [fail]}
        expansion = expand("uneven", load_study(str(study))[1], seeds=1, changes=changes)
        launch.mkdir(parents=True)
        home.prepare()
        seen = {key: home.run(key).inspect(None) for key in expansion.configs}
        content = {"study": str(study), "name": "uneven", "provenance": {}}
        write_json(launch / "launch.json", content)
        write_json(launch / "requests.json", [asdict(one) for one in requests_of(expansion, seen)])
        code = (
            "from ablations.launch import process_group, worker\n"
            "from ablations.launch.slurm.job import WorkerJob\n"
            "process_group.SETTLE_SECONDS = 0.1\n"
            f"process_group.PATIENCE_SECONDS = worker.PATIENCE_SECONDS = {patience}\n"
            f"WorkerJob({str(launch)!r}, {str(home.root)!r}, None)()"
        )
        processes = []
        for rank in range(2):
            slurm = {"SLURM_JOB_ID": str(os.getpid()), "SLURM_NTASKS": "2"}
            slurm |= {"SLURM_PROCID": str(rank), "SUBMITIT_EXECUTOR": "slurm"}
            slurm |= {"SUBMITIT_FOLDER": str(launch)}
            command = [sys.executable, "-c", code]
            processes.append(subprocess.Popen(command, env=os.environ | slurm))
        return home, processes

    return run


def test_all_processes_do_every_run_together(run_two):
    home, processes = run_two("")
    assert [process.wait(DEADLINE) for process in processes] == [0, 0]
    assert states(home) == {State.DONE: 4}
    for run in home.runs():
        assert {path.name for path in run.path.glob("rank-*")} == {"rank-0", "rank-1"}


def test_what_fails_in_all_is_recorded_once_and_the_next_run_follows(run_two):
    home, processes = run_two("both")
    assert [process.wait(DEADLINE) for process in processes] == [0, 0]
    assert states(home) == {State.FAILED: 4}


def test_what_fails_in_one_is_recorded_and_the_job_queues_again(run_two):
    home, (first, other) = run_two("other", patience=2.0)
    assert other.wait(DEADLINE) == KILLED
    first.kill()  # as srun does then
    first.wait()
    (run,) = home.runs()
    assert states(home) == {State.FAILED: 1}
    failure = json.loads((run.path / "failure-1.json").read_text())
    assert failure["error"] == "RuntimeError: no GPU is left"
    assert "run_unevenly" in failure["traceback"]
