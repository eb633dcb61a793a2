"""What runs on this machine use of it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import psutil
import pytest

from ablations.runs.lease import Owner, _birth
from ablations.terminal.use import Use, measure_use


@pytest.fixture
def worker():
    """A process that does nothing and has one below it that keeps a CPU busy."""
    busy = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])"
    with subprocess.Popen([sys.executable, "-c", busy]) as process:
        while not psutil.Process(process.pid).children():
            assert process.poll() is None
        (child,) = psutil.Process(process.pid).children()
        yield process, child
        child.kill()
        process.wait()


def owner_of(pid):
    return replace(Owner.current(), pid=pid, birth=_birth(pid))


def test_all_processes_of_a_worker_count(worker, tmp_path, monkeypatch):
    process, child = worker
    smi = tmp_path / "nvidia-smi"
    smi.write_text(
        "#!/bin/sh\ncase $1 in\n"
        f"*apps*) echo '{child.pid}, GPU-b'; echo '1, GPU-a';;\n"
        "*) echo 'GPU-a, 3'; echo 'GPU-b, 87';;\nesac\n"
    )
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    owner = owner_of(process.pid)
    use = measure_use([owner])[owner]
    assert use.gpus == (87,)
    assert 0.05 < use.cpus < 1.5  # the machine may be busy
    assert str(replace(use, cpus=0.96)) == "1.0 CPUs, GPU 87 %"


def test_of_other_hosts_nothing_is_known(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))  # without nvidia-smi
    me = Owner.current()
    assert measure_use([replace(me, host="elsewhere")]) == {}
    assert measure_use([me])[me].gpus == ()
    assert str(Use(0.0)) == "0.0 CPUs"
