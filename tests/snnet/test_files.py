"""Files that `snnet` writes by itself: whole, or under a name that `ablate repair` finds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from ablations.maintenance.repair import find_damage
from ablations.runs.home import Home
from snnet.files import writing

KILLED = """
import os, signal, sys
from pathlib import Path
from snnet.files import writing
with writing(Path(sys.argv[1])) as path:
    path.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_failure_leaves_what_was_there(tmp_path):
    path = tmp_path / "weights.safetensors"
    for content in ("first", "second"):
        with writing(path) as temporary:
            temporary.write_text(content)
    with pytest.raises(ZeroDivisionError), writing(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "second"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.slow
def test_repair_deletes_what_a_killed_process_left(tmp_path):
    home = Home(tmp_path)
    anchors = home.cache / "anchors"
    anchors.mkdir(parents=True)
    command = [sys.executable, "-c", KILLED, str(anchors / "vit.safetensors")]
    assert subprocess.run(command).returncode == -signal.SIGKILL
    (left,) = anchors.iterdir()
    assert left.name.startswith(".vit.safetensors.")
    assert not list(find_damage(home, None, lambda: {}))  # a living process may be writing it
    hours_ago = time.time() - 7200
    os.utime(left, (hours_ago, hours_ago))
    (finding,) = find_damage(home, None, lambda: {})
    finding.mend()
    assert not list(anchors.iterdir())
