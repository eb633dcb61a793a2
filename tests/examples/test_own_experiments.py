"""The examples of experiments that people write themselves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ablations import Attempt
from ablations.runs.attempt import Stopped
from ablations.study.catalogue import load_study

EXAMPLES = Path(__file__).parents[2] / "examples"
LINES = {"forest.py": 40, "network.py": 60}  # as short as an own experiment should be


@pytest.mark.parametrize("name", LINES)
def test_they_are_short(name):
    assert (EXAMPLES / name).read_text().count("\n") <= LINES[name]


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("forest.py", ["--set", "trees=30,5", "--set", "depth=4"], "Metrics of each level"),
        ("network.py", ["--set", "epochs=3"], "Interaction of two axes"),
    ],
)
def test_they_run_and_are_reported(ablate, home, name, options, words):
    variant = ["--name", "short"]
    done = ablate("run", str(EXAMPLES / name), "--seeds", "2", *options, *variant)
    assert done.returncode == 0, done.stdout + done.stderr
    done = ablate("report", "short")
    assert done.returncode == 0, done.stdout + done.stderr
    assert words in (home.reports / "short/index.html").read_text()


def test_training_that_was_interrupted_goes_on_to_the_same_end(tmp_path):
    study = load_study(str(EXAMPLES / "network.py"))[1]
    config = replace(study.experiment.resolve({}), epochs=4)
    folders = [tmp_path / name for name in ("whole", "parts")]
    for folder in folders:
        folder.mkdir()
    whole, parts = (Attempt(folder, tmp_path, 1) for folder in folders)
    expected = study.experiment.function(config, whole)
    log = parts.log
    parts.log = lambda step, of, metrics: interrupt() if step == 3 else log(step, of, metrics)
    with pytest.raises(Stopped):
        study.experiment.function(config, parts)
    parts.log = log
    assert study.experiment.function(config, parts) == expected
    steps = (parts.directory / "progress-1.jsonl").read_text().count('"step"')
    assert steps == 2 + 2  # none twice


def interrupt():
    raise Stopped(2)
