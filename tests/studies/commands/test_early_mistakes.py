"""Mistakes in a command are told before torch is imported, which takes seconds."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

CODE = """
import json, sys
from click.testing import CliRunner
from ablations.cli.main import main
done = CliRunner().invoke(main, json.loads(sys.argv[1]))
heavy = sorted({"torch", "timm", "pandas"} & set(sys.modules))
print(json.dumps([done.exit_code, done.stderr, heavy]))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["stitches"], "say what to stitch"),
        (["stitches", "--family", "diet"], "did you mean deit?"),
        (["stitches", "--anchors", "resnet18"], "needs two or more"),
        (["latency", "123"], "neither the beginning of a run key"),
        (["export", "123", "--stitch", "1", "--output", "x.onnx"], "neither the beginning of a"),
        (["export", "123", "--output", "x.onnx"], "say which sub-network"),
        (["export", "123", "--stitch", "1", "--output", "x.pt"], "should end in .onnx"),
    ],
)
def test_mistakes_are_told_without_torch(tmp_path, arguments, says):
    command = [sys.executable, "-c", CODE, json.dumps(["--home", str(tmp_path), *arguments])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    code, told, heavy = json.loads(done.stdout)
    assert code == 2
    assert says in told
    assert heavy == []
