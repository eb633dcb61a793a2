"""Another confidence than 95 %: one line of the code changes, and all numbers and words follow."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import reports

SHOWING = """
import sys
from pathlib import Path

import numpy as np

from ablations.study.claim import Claim
from reports.data.levels import LEVEL
from reports.data.paper import published_plan
from reports.data.verdicts import Verdict
from reports.drawing.captions import seeds_sentence
from reports.pages import index
from reports.statistics.evidence import Sample, assess
from reports.statistics.interval import estimate

sample = Sample({seed: np.array([10 + seed / 10]) for seed in range(6)}, 6)
found = [assess(sample), assess(sample, "equivalent", 20.0)]
plan = published_plan("deit")
verdicts = [Verdict(plan, Claim("So it is", "top1"), one) for one in found]
index.build_index([], verdicts, Path(sys.argv[1]))
print(seeds_sentence([3]))
print(LEVEL, round(estimate([4.0, 6.0, 8.0]).half_width, 4))
"""
OTHER_PLACES = re.compile(r"9[05] ?%|0\.[09]5\b")


@pytest.fixture
def shown(tmp_path):
    """What a copy of the package shows that is surer than this one."""
    shutil.copytree(Path(reports.__file__).parent, tmp_path / "code" / "reports")
    home = tmp_path / "code/reports/statistics/confidence.py"
    text = home.read_text()
    assert text.count("CONFIDENCE = 0.95") == 1
    home.write_text(text.replace("CONFIDENCE = 0.95", "CONFIDENCE = 0.99"))
    path = os.pathsep.join([str(tmp_path / "code"), *sys.path])
    return subprocess.run(
        [sys.executable, "-c", SHOWING, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": path},
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()


def test_words_follow_the_number(shown, tmp_path):
    assert shown == [
        "Means over 3 seeds; bars are 99 % Student-t intervals over seeds.",
        f"0.01 {9.9248 * 2 / 3**0.5:.4f}",  # t(0.995, 2)
    ]
    table = (tmp_path / "claims.md").read_text()
    for words in (
        "the 99 % interval is above 0",
        "the 98 % interval is within ±20",
        "] (98 %), 6 seeds",
        "for comparison, 99 %",
    ):
        assert words in table
    page = " ".join((tmp_path / "index.html").read_text().split())
    assert "of 99 %, for equivalence of 98 %, over seeds, and over test images" in page
    assert "Effects with 99 % and, thick, 98 % intervals (not corrected)" in page
    assert "95 %" not in page


def test_no_other_file_tells_the_number():
    folder = Path(reports.__file__).parent
    for path in folder.rglob("*.jinja"):
        assert not OTHER_PLACES.search(path.read_text()), path
    for path in folder.rglob("*.py"):
        if path.name != "confidence.py":
            nodes = list(ast.walk(ast.parse(path.read_text())))
            docstrings = [node.value for node in nodes if isinstance(node, ast.Expr)]
            for node in nodes:
                if isinstance(node, ast.Constant) and node not in docstrings:
                    assert not OTHER_PLACES.search(str(node.value)), path
