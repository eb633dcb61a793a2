"""docs/cluster.md, followed as it stands: every command in it, on a real SLURM."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ablations.launch.scheduler import Options
from ablations.launch.slurm.scheduler import SlurmScheduler
from ablations.runs.directory import State
from ablations.runs.home import Home
from ablations.runs.lease import Observer
from helpers.processes import wait_for
from helpers.slurm_cluster import CPUS

pytestmark = pytest.mark.xdist_group("slurm")
PAGE = Path(__file__).parents[2] / "docs/cluster.md"


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE.read_text(), flags=re.S)


@pytest.fixture
def shell(tmp_path, slurm_home, monkeypatch):
    """Runs a line of the page; what goes on until Ctrl-C gets one after some seconds."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    environment = dict(os.environ)
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    places = {"/shared/me": str(tmp_path / "shared"), "/var/tmp/me": str(tmp_path / "local")}

    def run(line: str) -> str:
        for place, here in places.items():
            line = line.replace(place, here)
        if line.startswith("export "):
            name, _, value = line.removeprefix("export ").partition("=")
            environment[name] = value
            return ""
        output = tmp_path / "output"
        with output.open("w") as file:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {line}"],
                **{"env": environment, "cwd": tmp_path, "stdin": subprocess.DEVNULL},
                **{"stdout": file, "stderr": subprocess.STDOUT},
            )
            if "--watch" in line or "--follow" in line:
                wait_for(lambda: output.stat().st_size)
                process.send_signal(signal.SIGINT)
            process.wait(timeout=240)
        said = output.read_text()
        assert process.returncode in (0, -signal.SIGINT, 130), f"{line}\n{said}"
        assert "Traceback" not in said
        return said

    for place in places.values():
        Path(place).mkdir()
    profile = re.sub(r"cpus = \d+", "cpus = 1", blocks("toml")[0])  # as this machine surely has
    (tmp_path / "cluster.toml").write_text(profile)
    return run


def test_every_command_of_the_page(shell, cluster, tmp_path):
    # but for one CPU all are taken: the page's workers would each import torch, and train
    cluster.run("sbatch", "--exclusive", "--nodes=2", "--wrap", "sleep 900")
    cluster.run("sbatch", f"--cpus-per-task={CPUS - 1}", "--wrap", "sleep 900")
    home, said = Home(tmp_path / "shared/study"), {}
    for line in "".join(blocks("sh")).splitlines():
        command = line.partition("#")[0].strip()
        if "status" in command:
            wait_for(lambda: working(home))
        if "KEY" in command:
            command = command.replace("KEY", working(home)[0][:8])
        said[command.partition(" --")[0] if "logs" in command else command] = shell(command)
    launch = "ablate run overview --seeds 5 --cluster slurm"
    assert "#SBATCH --partition=gpu" in said[f"{launch} --dry-run"]
    submitted = said[f"{launch} --workers 8"]
    assert "submitted 8 workers for 35 runs" in submitted
    assert "submitted 5 workers for 5 runs" in submitted
    assert "time 3-00:00:00" in submitted  # those of the sandwich
    assert "running" in said["ablate status overview --watch"]
    assert "runs brought up to date" in said["ablate sync"]
    assert any(text.startswith("run ") and "cancelled" in text for text in said.values())
    # not for the runs: one whose worker was killed before it gave it back seems at work from here
    wait_for(lambda: not SlurmScheduler(home, Options()).queue("overview"))


def working(home: Home) -> list[str]:
    observer = Observer()
    return [run.key for run in home.runs() if run.inspect(observer).state is State.RUNNING]
