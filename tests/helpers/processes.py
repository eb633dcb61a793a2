"""Commands in the background."""

from __future__ import annotations

import subprocess
import time

import psutil

from ablations.runs.home import Home
from helpers.commands import command

DEADLINE = 300.0  # seconds; only lest a test waits for ever, whatever else the machine does


def wait_for(condition, seconds=DEADLINE):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def start(home: Home, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command(home.root, *arguments),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def descendants(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)
