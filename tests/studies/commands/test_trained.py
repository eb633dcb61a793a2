"""Commands that take a trained run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from ablations.cli.main import main
from ablations.runs.home import Home
from ablations.study.plans import save_plan
from helpers.finished_run import KEY, finished_run, two_vits
from helpers.mixer import do_one_run, forget_mixers, write_study
from helpers.toy import PLAN


@pytest.fixture
def run(tmp_path):
    return finished_run(tmp_path / "home", two_vits())


def invoke(run: Path, *arguments: str):
    return CliRunner().invoke(main, ["--home", str(run.parents[1]), *arguments])


def test_latency_command(run):
    found = invoke(run, "latency", KEY[:4], "--repeats", "2", "--format", "json")
    assert found.exit_code == 0, found.output
    record = json.loads(found.stdout)
    assert record["switch_microseconds"] < 100
    assert [row["stitch_id"] for row in record["stitches"]] == list(range(9))
    for row in record["stitches"]:
        assert 0 < row["latency_p10_ms"] <= row["latency_ms"] <= row["latency_p90_ms"]
    table = invoke(run, "latency", str(run), "--repeats", "1")
    assert "switching to another sub-network takes" in table.stdout
    assert "vit-8 0 > vit-12 0" in table.stdout
    cells = invoke(run, "latency", KEY, "--repeats", "1", "--format", "csv").stdout.splitlines()
    assert cells[0].startswith("stitch_id,route,macs,params,top1,latency_ms")
    assert len(cells) == 10


def test_keys_of_trained_runs_are_completed(run):
    (run.parent / "0f00").mkdir()  # not trained yet
    told = {"_ABLATE_COMPLETE": "bash_complete", "COMP_CWORD": "4"}
    told["COMP_WORDS"] = f"ablate --home {run.parents[1]} latency 0"
    done = CliRunner().invoke(main, env=told, prog_name="ablate", complete_var="_ABLATE_COMPLETE")
    assert done.stdout.splitlines() == [f"plain,{KEY}", "dir,0"]


@pytest.mark.slow
@pytest.mark.xdist_group("onnx")  # whose packages take long to import
def test_export_command(run, tmp_path):
    pytest.importorskip("onnxruntime")
    output = tmp_path / "best.onnx"
    done = invoke(run, "export", KEY, "--macs", "1G", "--output", str(output))
    assert done.exit_code == 0, done.output
    assert output.exists()
    assert "logits (batch, 10)" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["latency", "feed"], "neither the beginning of a run key"),
        (["latency", "0"], "give 4 letters of it or more"),
        (["latency", "0123"], "2 runs in"),
        (["export", KEY, "--output", "x.onnx"], "say which sub-network"),
        (["export", KEY, "--stitch", "1", "--output", "x.pt"], "should end in .onnx"),
        (["export", KEY, "--stitch", "77", "--output", "x.onnx"], "there is no stitch 77"),
        (["export", KEY, "--macs", "1", "--output", "x.onnx"], "the least is"),
        (["export", "0f00", "--stitch", "1", "--output", "x.onnx"], "no config.json"),
    ],
)
def test_mistakes_in_commands_are_one_line(run, arguments, says):
    for other in ("0f00", "01234567"):
        (run.parent / other).mkdir()
    found = invoke(run, *arguments)
    assert found.exit_code == 2
    assert says in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("value", ["nan", "inf"])
@pytest.mark.parametrize(
    "arguments", [("latency",), ("export", "--stitch", "1", "--output", "x.onnx")]
)
def test_a_network_whose_weights_are_no_numbers_is_told(tmp_path, value, arguments):
    network = two_vits()
    with torch.no_grad():
        network.anchors[1].model.head.bias[0] = float(value)
    run = finished_run(tmp_path / "home", network)
    command, *options = arguments
    found = invoke(run, command, KEY, *options)
    assert found.exit_code == 2
    assert "anchors.1.model.head.bias has values that are no finite numbers" in found.stderr
    assert found.stdout == ""


def test_a_run_that_is_only_planned_has_no_network(run):
    home = Home(run.parents[1])
    save_plan(home, PLAN)
    found = invoke(run, "latency", next(iter(PLAN.runs)))
    assert found.exit_code == 2
    assert "was not begun yet, so it has no network" in found.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("latency", KEY, "--batch-size", "1000000000"),
        ("latency", KEY, "--repeats", "9" * 400),
        ("export", KEY, "--macs", "nan", "--output", "x.onnx"),
        ("export", KEY, "--params", "1e999", "--output", "x.onnx"),
        ("stitches", "--family", "deit", "--image-size", "1000000000"),
        ("stitches", "--family", "deit", "--kernel", "9" * 400),
    ],
)
def test_numbers_without_measure_are_one_line(run, arguments):
    found = invoke(run, *arguments)
    assert found.exit_code == 2
    assert len(found.stderr.splitlines()) == 1
    assert len(found.stderr) < 500


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Overwriting tiny_mixer in registry")  # a process does it once
def test_networks_of_a_study_file_are_found_by_every_command(tmp_path, monkeypatch):
    file = write_study(tmp_path)
    run = do_one_run(Home(tmp_path / "home"), file).path
    forget_mixers(monkeypatch)
    timed = invoke(run, "latency", run.name[:4], "--repeats", "1", "--format", "csv")
    assert len(timed.stdout.splitlines()) == 7, timed.stderr
    forget_mixers(monkeypatch)
    moved = file.rename(tmp_path / "moved.py")
    timed = invoke(run, "latency", run.name, "--repeats", "1")
    assert timed.exit_code == 2
    assert "no anchor adapter for MlpMixer" in timed.stderr
    assert f"the study file {file}, which is not there any more: give another" in timed.stderr
    listing = ("stitches", "--anchors", "mixer_s16_224,mixer_b16_224", "--format", "csv")
    assert invoke(run, *listing).exit_code == 2
    own = ("--study", str(moved))
    assert len(invoke(run, *listing, *own).stdout.splitlines()) > 10
    assert invoke(run, "latency", run.name, "--repeats", "1", *own).exit_code == 0
    pytest.importorskip("onnxruntime")
    output = tmp_path / "best.onnx"
    told = invoke(run, "export", run.name, "--stitch", "0", "--output", str(output), *own)
    assert told.exit_code == 0, told.stderr
    assert output.exists()
