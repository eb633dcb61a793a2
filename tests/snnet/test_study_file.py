"""A run that was made with a study file of one's own is loaded with what that registers."""

from __future__ import annotations

import json

import pytest

import snnet
from ablations.runs.home import Home
from helpers.mixer import do_one_run, forget_mixers, write_study
from snnet.study_file import execute

# a process does it once
pytestmark = pytest.mark.filterwarnings("ignore:Overwriting tiny_mixer in registry")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The study file and the directory of its run."""
    folder = tmp_path_factory.mktemp("mixers")
    file = write_study(folder)
    return file, do_one_run(Home(folder / "home"), file).path


@pytest.fixture(autouse=True)
def as_new(made, monkeypatch):
    forget_mixers(monkeypatch)


@pytest.fixture
def gone(made, tmp_path):
    """The file is elsewhere."""
    moved = made[0].rename(tmp_path / "moved.py")
    yield moved
    moved.rename(made[0])


def test_a_run_remembers_its_study_file(made):
    file, run = made
    assert json.loads((run / "config.json").read_text())["study_file"] == str(file)


def test_the_file_of_a_run_is_executed(made):
    network = snnet.load(made[1])
    assert {type(anchor).__name__ for anchor in network.network.anchors} == {"MixerAnchor"}
    assert len(network) == 6


def test_it_is_executed_once(made):
    first, second = (snnet.load(made[1]).network.anchor(0) for _ in range(2))
    assert type(first) is type(second)


def test_a_file_that_is_gone_is_told_and_another_serves(made, gone):
    file, run = made
    says = f"no anchor adapter for MlpMixer; .* made with the study file {file}, which is not there"
    with pytest.raises(ValueError, match=says):
        snnet.load(run)
    with pytest.raises(ValueError, match="there is no study file /nowhere"):
        snnet.load(run, study="/nowhere.py")
    assert len(snnet.load(run, study=gone)) == 6


def test_what_was_imported_already_serves_too(made, gone):
    execute(gone)
    assert len(snnet.load(made[1])) == 6


def test_another_adapter_than_that_of_the_run_is_refused(made, gone):
    text = gone.read_text().replace("MixerAnchor", "OtherAnchor")
    other = gone.with_name("other.py")
    other.write_text(text)
    with pytest.raises(ValueError, match="by MixerAnchor in this run, and by OtherAnchor here"):
        snnet.load(made[1], study=other)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = 1\n1 / 0", "own.py, line 2: ZeroDivisionError: division by zero"),
        ("raise SystemExit", "own.py, line 1: SystemExit"),
        ("x = (", r"own.py, line 1: SyntaxError: '\(' was never closed"),
    ],
)
def test_a_file_that_fails_is_one_sentence(tmp_path, text, says):
    file = tmp_path / "own.py"
    file.write_text(text)
    with pytest.raises(ValueError, match=says):
        execute(file)
