"""The batch script, and what it relies on in submitit; a shell script stands in for srun."""

from __future__ import annotations

import os
import subprocess
import tomllib
from functools import partial
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from submitit.core.utils import DelayedSubmission, JobPaths

from ablations.launch.slurm.batch import worker_script
from ablations.launch.slurm.resources import Resources

PROJECT = Path(__file__).parents[4] / "pyproject.toml"
SRUN = '#!/bin/bash\nwhile [[ $1 == --* ]]; do shift; done\nexec "$@"\n'


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "a folder"
    path.mkdir()
    return path


def lines(folder, resources=None, code=None, count=1):
    return worker_script(folder, resources or Resources(), code).text(count, 2).splitlines()


def test_the_versions_of_submitit_that_the_script_fits_are_bounded():
    """What the test below relies on is not public: submitit's module, its names of files."""
    names = tomllib.loads(PROJECT.read_text())["project"]["dependencies"]
    (submitit,) = (one for one in map(Requirement, names) if one.name == "submitit")
    assert {one.operator for one in submitit.specifier} == {">=", "<"}


@pytest.mark.parametrize("task", [{}, {"SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "3"}])
def test_submitit_runs_what_was_pickled_as_the_script_says(folder, task, monkeypatch):
    told = folder / "told"
    (folder / "srun").write_text(SRUN)
    (folder / "srun").chmod(0o755)
    job = DelayedSubmission(partial(Path(told).write_text, "done"))
    job.set_timeout(60, 3)
    job.dump(JobPaths(folder, "7_3" if task else "7").submitted_pickle)
    (folder / "script").write_text("\n".join(lines(folder)))
    known = {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "1", "SLURM_JOB_NUM_NODES": "1", **task}
    known |= {"SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0"}
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    environment = os.environ | known | {"SLURM_JOB_NODELIST": "n1"}
    subprocess.run(["bash", "script"], cwd=folder, env=environment, check=True, timeout=60)
    assert told.read_text() == "done"


def test_a_log_is_named_as_submitit_names_it(folder):
    (log,) = (line for line in lines(folder) if line.startswith("#SBATCH --output"))
    assert str(JobPaths(folder, "7", 0).stdout) in log.replace("%j", "7")
    (log,) = (line for line in lines(folder, count=4) if line.startswith("#SBATCH --output"))
    assert str(JobPaths(folder, "7_3", 0).stdout) in log.replace("%A_%a", "7_3")


def test_code_is_first_on_the_path_of_python(folder):
    line = "export PYTHONPATH='/home/of me/code'${PYTHONPATH:+:$PYTHONPATH}"
    assert line in lines(folder, code=Path("/home/of me/code"))
    assert "PYTHONPATH" not in "\n".join(lines(folder))


def test_a_step_knows_its_cpus_and_ends_as_one(folder):
    asked = Resources(gpus=2, cpus=3, python="apptainer exec an.sif python", srun={"mpi": "none"})
    (step,) = (line for line in lines(folder, asked) if line.startswith("srun "))
    for option in ("--cpus-per-task=6", "--kill-on-bad-exit=0", "--mpi=none"):
        assert option in step.split()
    assert f" apptainer exec an.sif python -u -m submitit.core._submit '{folder}'" in step


def test_the_environments_time_counts_only_where_nobody_asks(folder, monkeypatch):
    assert "#SBATCH --time=1440" in lines(folder)
    monkeypatch.setenv("SBATCH_TIMELIMIT", "30")
    assert "--time" not in "\n".join(lines(folder))
    assert "#SBATCH --time=120" in lines(folder, Resources(time="2:00:00"))


def test_no_option_stands_twice(folder):
    asked = Resources(partition="p", nodes=2, gpus="a100:2", mem="1G", time="1:00:00", account="a")
    options = [line.partition("=")[0] for line in lines(folder, asked, count=3) if "SBATCH" in line]
    assert sorted(set(options)) == sorted(options)
