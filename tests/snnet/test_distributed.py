"""One run on several processes does what one process does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from ablations.launch.crew import Crew, Position
from ablations.launch.task import Task
from ablations.runs.attempt import Attempt
from ablations.runs.home import Home
from helpers.commands import TINY
from helpers.processes import DEADLINE
from helpers.stitching import CONFIG
from helpers.training import steady
from snnet.checkpoint import load_network
from snnet.evaluation import evaluate
from snnet.experiment import prepare
from studies.experiments.stitching import STITCHING

pytestmark = pytest.mark.slow

# batch norms: training looks at one slice at a time, whoever trains it
RESNET = {
    "learning_rate": 1e-4,
    "anchors": [
        {
            "name": f"resnet-{width}",
            "architecture": "resnet18",
            "options": {"in_chans": 1, "num_classes": 10, "channels": [width] * 4},
            "weights": "random",
        }
        for width in (8, 16)
    ],
}


def command(processes, *arguments):
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    return [
        sys.executable,
        *(launcher if processes > 1 else []),
        "-m",
        "studies.experiments.train",
        *arguments,
    ]


def trained_alone(directory, config):
    """In this process; curves and table of the run."""
    directory.mkdir()
    run = Attempt(directory, directory / "cache", 1)
    STITCHING.function(STITCHING.resolve(config), run)
    return kept(directory)


def kept(directory):
    entries = [json.loads(x) for x in (directory / "progress-1.jsonl").read_text().splitlines()]
    metrics = [entry["metrics"] for entry in entries if "metrics" in entry]
    return metrics, pd.read_parquet(directory / "stitch.parquet")


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two processes that do runs together, as a worker starts them for two GPUs."""
    crew = Crew(Home(tmp_path_factory.mktemp("pair")), TINY, Position(here=2, world=2))
    yield crew
    crew.close()


@pytest.mark.xdist_group("pair")  # it starts once
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"sampling": "sandwich", "drop_path": 0.2, "augmentation": {"mixup": 0.8}},
        {"tuning": "stitching_layers", "subnetworks_per_step": 1},  # both train one slice
        {"matching": "later", "subnetworks_per_step": 1},  # of two epochs one
        {"tuning": "low_rank", "rivals": True},
        {"positions": "every", "selection": "kl", "kept": 4, "sampling": "importance"},
        {
            "distillation": "soft",
            "teacher": CONFIG["anchors"][1],
            "teacher_answers": "kept",
            "subnetworks_per_step": 1,
        },
    ],
    ids=["random", "sandwich", "frozen", "matching", "low rank", "selected", "kept answers"],
)
def test_two_processes_have_the_losses_of_one(pair, tmp_path, changes):
    config = {**CONFIG, **changes}
    alone, table_alone = trained_alone(tmp_path / "alone", config)
    (tmp_path / "together").mkdir()
    pair.begin(Task("key", 1, config, tmp_path / "together"))
    outcome = pair.outcome(DEADLINE)
    assert outcome.well, outcome
    together, table_together = kept(tmp_path / "together")
    assert Path(os.devnull).is_char_device()  # safetensors replaces the file that it writes to
    for one, other in zip(alone, together, strict=True):
        assert steady(other) == pytest.approx(steady(one), abs=1e-5)
    columns = ["route", "loss", "loss_before", "top1", "visits"]
    pd.testing.assert_frame_equal(table_together[columns], table_alone[columns], atol=1e-5)


def test_processes_average_the_running_statistics_of_batch_norms(tmp_path):
    config = {**CONFIG, **RESNET}
    alone, _ = trained_alone(tmp_path / "alone", config)
    path, directory = tmp_path / "config.json", tmp_path / "together"
    path.write_text(json.dumps(config))
    done = subprocess.run(
        command(2, str(path), str(directory)), capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    together, table = kept(directory)
    for one, other in zip(alone, together, strict=True):
        assert other["loss"] == pytest.approx(one["loss"], abs=1e-5)
    # the first process saved what both had scored with: scoring again gives the same
    scores = rescored(directory, config)
    assert scores == pytest.approx(table.loss.tolist(), abs=1e-5)


def rescored(directory, config):
    """Loss of every stitch, by the network that a run kept, all images in one process."""
    resolved = STITCHING.resolve(config)
    data, network = prepare(resolved, Attempt(directory, directory / "cache", 9))
    load_network(network, directory / "model.safetensors")
    return [score["loss"] for score in evaluate(network, data.test_batches(64))]


def test_divergence_in_one_process_ends_all_and_names_the_stitch(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**CONFIG, "learning_rate": 1e30, "gradient_clip": None}))
    done = subprocess.run(
        command(2, str(path), str(tmp_path / "run")), capture_output=True, text=True, timeout=240
    )
    assert done.returncode != 0
    assert "the loss became" in done.stderr
    assert "stitch " in done.stderr


def test_a_signal_leaves_a_checkpoint_and_the_same_command_goes_on(tmp_path):
    config = {**CONFIG, "epochs": 400, "subnetworks_per_step": 1}
    path, directory = tmp_path / "config.json", tmp_path / "run"
    path.write_text(json.dumps(config))
    process = subprocess.Popen(
        command(1, str(path), str(directory)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    progress = directory / "progress-1.jsonl"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if progress.exists() and '"step": 3' in progress.read_text():
            break
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGTERM)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on" in stderr
    assert (directory / "checkpoint.safetensors").exists()
    before = [json.loads(line) for line in progress.read_text().splitlines()]
    last = max(entry.get("step", 0) for entry in before)
    path.write_text(json.dumps(config))
    again = subprocess.Popen(
        command(1, str(path), str(directory)), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    while time.monotonic() < deadline:
        entries = [json.loads(line) for line in progress.read_text().splitlines()[len(before) :]]
        steps = [entry["step"] for entry in entries if "step" in entry]
        if steps:
            break
        time.sleep(0.05)
    again.kill()
    again.communicate()
    assert steps[0] == last + 1
