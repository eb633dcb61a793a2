"""Shared by all tests."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from slurm_cluster import SlurmCluster, missing

from ablations.runs.home import Home

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["OMP_NUM_THREADS"] = "1"  # as workers have it; before torch is imported
# a shell's background jobs ignore Ctrl-C, and what they start would too
signal.signal(signal.SIGINT, signal.default_int_handler)
STUDIES = Path(__file__).parent / "example_studies"
TOY = str(STUDIES / "toy.py")
TINY = str(STUDIES / "tiny.py")


@pytest.fixture
def ablate(tmp_path):
    """Runs the real console script with a home of its own; gives the finished process."""
    return lambda *arguments, **options: run_ablate(tmp_path / "home", *arguments, **options)


@pytest.fixture
def home(tmp_path):
    """The one that `ablate` uses."""
    return Home(tmp_path / "home")


def run_ablate(home: Path, *arguments: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(home, *arguments), capture_output=True, text=True, timeout=300, **options
    )


def command(home: Path, *arguments: str) -> list[str]:
    script = Path(sys.executable).with_name("ablate")
    return [str(script), "--home", str(home), *arguments]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 60 MB; its mount point."""
    place = tmp_path / "disk"
    place.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", str(place)]
    if subprocess.run(mounting, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs root, to mount a small file system")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


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


@pytest.fixture
def network_disk(tmp_path):
    servers = ("/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server")
    server = next((path for path in servers if Path(path).exists()), None)
    if not (server and shutil.which("sshfs") and Path("/dev/fuse").exists()):
        pytest.skip("needs sshfs and /dev/fuse (Debian: apt-get install sshfs)")
    disk = NetworkDisk(tmp_path / "a mount", tmp_path / "far", server)
    disk.mount()
    yield disk
    disk.unmount()


def fill(disk: Path) -> Path:
    """A file that takes what is left of the disk."""
    filling = disk / "filling"
    with suppress(OSError), open(filling, "wb", buffering=0) as file:
        while True:
            file.write(b"0" * 4096)
    return filling


@pytest.fixture
def read_only():
    """A context in which a directory, made if need be, cannot be written."""

    @contextmanager
    def locking(directory):
        directory.mkdir(parents=True, exist_ok=True)
        mounting = ["mount", "--bind", str(directory), str(directory)]
        if subprocess.run(mounting, capture_output=True, check=False).returncode != 0:
            pytest.skip("needs root, to mount a directory read-only")
        subprocess.run(["mount", "-o", "remount,bind,ro", str(directory)], check=True)
        try:
            yield
        finally:
            subprocess.run(["umount", "--lazy", str(directory)], check=True)

    return locking


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """A real SLURM; its tests are in two groups, so that no more than two are started."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    cluster = SlurmCluster(tmp_path_factory.mktemp("slurm"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def slurm_home(tmp_path, cluster, monkeypatch):
    """A home, for commands that find the cluster and no profile."""
    monkeypatch.setenv("SLURM_CONF", cluster.environment["SLURM_CONF"])
    monkeypatch.chdir(tmp_path)
    return Home(tmp_path / "home")


@pytest.fixture(scope="session")
def chromium():
    """Opens pages in the installed Chromium, headless."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("needs Chromium (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    quiet += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=quiet)
        yield browser
        browser.close()
