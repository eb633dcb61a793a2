"""Commands that take a trained run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from ablations.cli.main import main
from helpers.finished_run import KEY, finished_run, two_vits


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
        (["latency", "0"], "2 runs in"),
        (["export", KEY, "--output", "x.onnx"], "say which sub-network"),
        (["export", KEY, "--stitch", "1", "--output", "x.pt"], "should end in .onnx"),
        (["export", KEY, "--stitch", "77", "--output", "x.onnx"], "there is no stitch 77"),
        (["export", KEY, "--macs", "1", "--output", "x.onnx"], "the least is"),
        (["export", "0f", "--stitch", "1", "--output", "x.onnx"], "no config.json"),
    ],
)
def test_mistakes_in_commands_are_one_line(run, arguments, says):
    (run.parent / "0f00").mkdir()
    found = invoke(run, *arguments)
    assert found.exit_code == 2
    assert says in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1
