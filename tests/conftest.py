"""Shared by all tests."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import pytest

from ablations.runs.home import Home
from helpers.commands import run_ablate
from helpers.disks import NetworkDisk
from helpers.slurm_cluster import SlurmCluster, missing

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["ABLATE_QUIET_SECONDS"] = "600"  # a busy machine makes any command take two seconds
os.environ["OMP_NUM_THREADS"] = "1"  # as workers have it; before torch is imported
# hundreds of processes import the project: without compiled files each would compile it anew
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# a shell's background jobs ignore Ctrl-C, those of nohup a hang-up; what they start would too
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
hypothesis.settings.register_profile("untimed", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("untimed")
# whoever asks for one of these starts processes: commands, servers, a browser, a mount
STARTING = {"ablate", "chromium", "cluster", "elsewhere", "finished", "network_disk", "read_only"}
STARTING |= {"run_two", "small_disk", "tracked_home"}


def pytest_configure(config):
    """Hide GPUs from all tests but those that ask for one: they compare bits, as CPUs have them."""
    if "gpu" not in config.option.markexpr and shutil.which("nvidia-smi"):
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def pytest_collection_modifyitems(items):
    """What starts processes through a fixture is slow; other slow tests say so themselves.

    They come first: at the end quick ones keep all workers busy.
    """
    for item in items:
        if STARTING.intersection(item.fixturenames):
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture
def ablate(tmp_path):
    """Runs the real console script with a home of its own; gives the finished process."""
    return lambda *arguments, **options: run_ablate(tmp_path / "home", *arguments, **options)


@pytest.fixture
def home(tmp_path):
    """The one that `ablate` uses."""
    return Home(tmp_path / "home")


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
    cluster.clear()
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
