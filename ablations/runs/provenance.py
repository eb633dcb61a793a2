"""Where a result comes from: the code, as it was at launch, and what an attempt runs on."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from ablations.machine import count_cpus, gpu_names, visible_gpus

GIT_SHA, GIT_DIRTY = "git_sha", "git_dirty"
DEVICE = "device"
VERSION = "version."  # begins the tags of packages
DIFF = "git_diff"  # kept as a file of the run, not as a tag
CODE = "code"  # digest of a user's code that makes the result, see `Experiment.code`
SOURCE = "source"  # the folder with the user's files, as they were at launch, see `Home.source`
OWN_PACKAGES = ("snnet-ablations", "submitit")  # versions to search by, beside the experiment's


def git_state(file: Path) -> dict[str, str]:
    """SHA of HEAD where a file lies, and how the work tree differs from it.

    Empty for files that git does not know and shall not, such as installed ones.
    """
    directory = file.parent
    known = ("ls-files", "--cached", "--others", "--exclude-standard", "--error-unmatch")
    try:
        _output("git", "-C", directory, *known, file.name)
        sha = _output("git", "-C", directory, "rev-parse", "HEAD").strip()
        dirty = bool(_output("git", "-C", directory, "status", "--porcelain").strip())
    except (OSError, subprocess.CalledProcessError):
        return {}
    state = {GIT_SHA: sha, GIT_DIRTY: str(dirty).lower()}
    return {**state, DIFF: _output("git", "-C", directory, "diff", "HEAD")} if dirty else state


@cache
def installed() -> dict[str, str]:
    """Version by name of every package of this Python."""
    read = [one.metadata for one in distributions()]  # each is a file
    found = {one["Name"]: one["Version"] for one in read if one["Name"]}  # not half-removed ones
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Versions of Python, of this package, and of `packages`, as tags."""
    names = (*OWN_PACKAGES, *packages)
    found_packages = {name: installed()[name] for name in names if name in installed()}
    found = {"python": platform.python_version(), **found_packages}
    return {f"{VERSION}{name}": text for name, text in found.items()}


def surroundings(processes: int = 1, gpus: int | None = None) -> dict[str, Any]:
    """What this process runs on: host, device, CPUs and GPUs of all processes of its job, and job.

    `job` and `log` only in jobs of submitit.

    Arguments:
        processes: of the job.
        gpus: of the job, where its scheduler told; else they are counted.
    """
    threads = int(os.environ.get("OMP_NUM_THREADS") or count_cpus())  # as launchers set it
    gpus = len(visible_gpus()) if gpus is None else gpus
    found: dict[str, Any] = {
        "host": platform.node(),
        DEVICE: _gpu_name() if gpus else _cpu_name(),
        "cpus": processes * threads,
        "gpus": gpus,
    }
    return {**found, **own_job()}


def own_job() -> dict[str, str]:
    """Number and log of the job of submitit that this process is of; empty where it is of none."""
    if "SUBMITIT_EXECUTOR" not in os.environ:
        return {}
    from submitit import JobEnvironment

    environment = JobEnvironment()
    return {"job": environment.job_id, "log": str(environment.paths.stdout)}


def _gpu_name() -> str:
    return ", ".join(gpu_names()) or "GPU that nvidia-smi does not name"


@cache
def _cpu_name() -> str:
    """The processor as the kernel names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _output(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
