"""Shared by all tests."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

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
