"""The command line, as tests call it, and the studies that they call it with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

STUDIES = Path(__file__).parents[1] / "example_studies"
TOY = str(STUDIES / "toy.py")
TINY = str(STUDIES / "tiny.py")


def run_ablate(home: Path, *arguments: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(home, *arguments), capture_output=True, text=True, timeout=300, **options
    )


def command(home: Path, *arguments: str) -> list[str]:
    script = Path(sys.executable).with_name("ablate")
    return [str(script), "--home", str(home), *arguments]


SLOW = ("run", TOY, "--workers", "2", "--set", "pause=0.1", "--set", "steps=5")  # 6 runs
