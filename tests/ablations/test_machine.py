"""What this process may use of the machine: counted as the kernel and nvidia-smi tell it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ablations import machine
from ablations.machine import count_cpus, gpu_names, visible_gpus
from helpers.gpus import WHOLE, pretend_gpus

GROUPS = Path("/sys/fs/cgroup")
COUNT = (
    "from ablations.machine import count_cpus; from snnet.data.loader import loader_workers;"
    "print(count_cpus(), loader_workers())"
)


def counted(*before: str) -> list[int]:
    """CPUs and loader processes of a process that is started so."""
    command = [*before, sys.executable, "-c", COUNT]
    return [int(text) for text in subprocess.check_output(command, text=True).split()]


@pytest.mark.slow
def test_a_process_bound_to_one_cpu_counts_one():
    one = str(min(os.sched_getaffinity(0)))
    assert counted("taskset", "-c", one) == [1, 0]


@pytest.mark.slow
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two CPUs, to be denied one")
@pytest.mark.parametrize("inner", ["", "inner"])
def test_a_quota_of_a_real_control_group_counts(inner):
    parent = GROUPS / "cpu" if (GROUPS / "cpu").is_dir() else GROUPS
    group = parent / f"ablate-test-{os.getpid()}"
    try:
        group.mkdir()
        if parent == GROUPS:
            (group / "cpu.max").write_text("100000 100000")
        else:
            (group / "cpu.cfs_quota_us").write_text("100000")
    except OSError:
        if group.is_dir():
            group.rmdir()
        pytest.skip("needs root and control groups with CPU time")
    process = group / inner
    process.mkdir(exist_ok=True)
    try:
        join = f'echo $$ > {process}/cgroup.procs && exec "$@"'
        assert counted("sh", "-c", join, "sh") == [1, 0]
    finally:
        for folder in dict.fromkeys([process, group]):
            folder.rmdir()


def process_of(tmp_path, version: int, root: str, group: str) -> Path:
    """A process as /proc tells of it; its control groups are mounted at `tmp_path`/groups."""
    process = tmp_path / "proc"
    process.mkdir()
    of_cpus = "0::" if version == 2 else "4:cpu,cpuacct:"
    (process / "cgroup").write_text(f"7:memory:/elsewhere\n{of_cpus}{group}\n")
    kind = "cgroup2 cgroup2 rw" if version == 2 else "cgroup cgroup rw,cpu,cpuacct"
    (process / "mountinfo").write_text(
        "30 25 0:26 / /proc rw,nosuid shared:5 - proc proc rw\n"
        f"32 31 0:29 {root} {tmp_path}/groups rw,relatime - {kind}\n"
    )
    return process


def limit(folder: Path, version: int, quota: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if version == 2:
        (folder / "cpu.max").write_text(f"{quota.replace('-1', 'max')} 100000\n")
    else:
        (folder / "cpu.cfs_quota_us").write_text(f"{quota}\n")
        (folder / "cpu.cfs_period_us").write_text("100000\n")


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    ("root", "group", "inside"),
    [
        ("/", "/user/job", "user/job"),
        ("/docker/abc", "/docker/abc/job", "job"),  # a container that sees only its own
        ("/docker/abc", "/docker/abc", ""),
        ("/", "/../elsewhere", ""),  # of another namespace
    ],
)
def test_the_tightest_quota_around_a_process_counts(tmp_path, version, root, group, inside):
    process = process_of(tmp_path, version, root, group)
    assert list(machine._quotas(process)) == []
    limit(tmp_path / "groups", version, "350000")
    limit(tmp_path / "groups" / inside, version, "150000")
    assert min(machine._quotas(process)) == 1.5
    limit(tmp_path / "groups" / inside, version, "-1")
    assert list(machine._quotas(process)) == ([3.5] if inside else [])


@pytest.mark.parametrize(("quota", "cpus"), [(0.2, 1), (1.9, 1), (2.0, 2), (64.0, 3)])
def test_at_least_one_whole_cpu(monkeypatch, quota, cpus):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {4, 5, 6})
    monkeypatch.setattr(machine, "_quotas", lambda process: iter([quota]))
    assert count_cpus() == cpus


def test_gpus_are_named_by_uuid(monkeypatch, tmp_path):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    pretend_gpus(monkeypatch, tmp_path, WHOLE)
    assert visible_gpus() == ["GPU-aaaa-0", "GPU-bbbb-1", "GPU-cccc-2"]
    assert gpu_names() == ["NVIDIA A100-SXM4-40GB", "Tesla V100"]


def test_a_divided_gpu_counts_with_its_parts(monkeypatch, tmp_path):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    listed = [
        "GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-aaaa-0)",
        "  MIG 3g.20gb     Device  0: (UUID: MIG-1111)",
        "  MIG 3g.20gb     Device  1: (UUID: MIG-GPU-aaaa-0/2/0)",
        "GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-bbbb-1)",
        "GPU 2: old",
    ]
    pretend_gpus(monkeypatch, tmp_path, listed)
    assert visible_gpus() == ["MIG-1111", "MIG-GPU-aaaa-0/2/0", "GPU-bbbb-1", "2"]


@pytest.mark.parametrize(
    ("given", "gpus"),
    [
        ("2,0", ["2", "0"]),
        ("GPU-bbbb, MIG-GPU-aaaa/1/0", ["GPU-bbbb", "MIG-GPU-aaaa/1/0"]),
        ("1,-1,0", ["1"]),  # what follows -1 is hidden
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),  # SLURM, for a job without GPUs
    ],
)
def test_what_the_user_shows_is_used(monkeypatch, tmp_path, given, gpus):
    pretend_gpus(monkeypatch, tmp_path, WHOLE)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    assert visible_gpus() == gpus


@pytest.mark.parametrize("given", ["2", "GPU-cccc"])
def test_only_gpus_in_use_are_named(monkeypatch, tmp_path, given):
    pretend_gpus(monkeypatch, tmp_path, WHOLE)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    assert gpu_names() == ["Tesla V100"]


@pytest.mark.parametrize("script", [None, "exit 9", "echo No devices were found"])
def test_a_machine_without_gpus(monkeypatch, tmp_path, script):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    pretend_gpus(monkeypatch, tmp_path, [], script)
    assert visible_gpus() == []
    assert gpu_names() == []
