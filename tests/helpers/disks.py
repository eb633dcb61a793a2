"""Disks that fill up, vanish or grow old."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path


class NetworkDisk:
    """A directory over sshfs, which here talks to an sftp server through a pair of sockets."""

    def __init__(self, place: Path, far: Path, server: str) -> None:
        self.place, self._far, self._server = place, far, server
        self._processes: list[subprocess.Popen[bytes]] = []
        far.mkdir(), place.mkdir()

    def mount(self) -> None:
        ours, theirs = socket.socketpair()
        command = ["sshfs", "-f", "-o", "passive", f":{self._far}", str(self.place)]
        with ours, theirs:
            serving = subprocess.Popen([self._server], stdin=theirs, stdout=theirs)
            self._processes = [serving, subprocess.Popen(command, stdin=ours, stdout=ours)]
        deadline = time.monotonic() + 20
        while not self.place.is_mount():
            assert self._processes[1].poll() is None, "sshfs ended"
            assert time.monotonic() < deadline, "sshfs does not mount"
            time.sleep(0.05)

    def vanish(self) -> None:
        """From now on whoever looks there is told that the other side is gone."""
        # sshfs first: it would unmount in good order if it saw its server go
        for process in reversed(self._processes):
            process.kill()
            process.wait()

    def unmount(self) -> None:
        subprocess.run(["fusermount3", "-u", "-z", str(self.place)], check=True)
        for process in self._processes:
            process.wait(10)


def fill(disk: Path) -> Path:
    """A file that takes what is left of the disk."""
    filling = disk / "filling"
    with suppress(OSError), open(filling, "wb", buffering=0) as file:
        while True:
            file.write(b"0" * 4096)
    return filling


HOURS = 2 * 3600


def age(path, seconds=HOURS):
    """As if nobody had written there since."""
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))
