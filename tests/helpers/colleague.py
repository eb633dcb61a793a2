"""Somebody else of the group, who may read a home and not write it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

STRANGER = 65534
GROUP = 12345  # nobody's own
POWERS = ("dac_override", "dac_read_search", "fowner", "chown")


@contextmanager
def as_colleague(home: Path) -> Iterator[list[str]]:
    """Give the home to a stranger, and what to put before a command that keeps to permissions.

    Root without its powers is such a colleague, and still reaches the interpreter and the code.
    """
    if os.getuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("needs root, to give files to another user")
    subprocess.run(["chown", "-R", f"{STRANGER}:{STRANGER}", str(home)], check=True)
    subprocess.run(["chmod", "-R", "u=rwX,go=rX", str(home)], check=True)
    without = ",".join(f"-{power}" for power in POWERS)
    try:
        yield ["setpriv", f"--bounding-set={without}", f"--inh-caps={without}", "--"]
    finally:
        subprocess.run(["chown", "-R", "0:0", str(home)], check=True)
