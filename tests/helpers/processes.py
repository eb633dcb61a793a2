"""Commands in the background."""

from __future__ import annotations

import subprocess
import time

import psutil

from ablations.runs.home import Home
from helpers.commands import command, copy_tables

DEADLINE = 300.0  # seconds; only lest a test waits for ever, whatever else the machine does


def wait_for(condition, seconds=DEADLINE):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def start(home: Home, *arguments: str, before: tuple[str, ...] = (), **options) -> subprocess.Popen:
    """A command in a session of its own; a new home is given a store, which MLflow makes slowly.

    Arguments:
        before: what starts the command.
        options: of the process, which is silent otherwise.
    """
    if not home.store.exists():
        home.root.mkdir(parents=True, exist_ok=True)
        copy_tables(home.store)
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    told = [*before, *command(home.root, *arguments)]
    return subprocess.Popen(told, start_new_session=True, **(silent | options))


def descendants(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)
