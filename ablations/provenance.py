"""Where a result comes from."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

DIFF = "git_diff"  # kept as a file of the run, not as a tag
PACKAGES = ("snnet-ablations", "torch", "timm", "submitit", "numpy")


def git_state(directory: Path) -> dict[str, str]:
    """SHA of HEAD, and how the work tree differs from it; empty for untracked code."""
    try:
        _git(directory, "ls-files", "--error-unmatch", "__init__.py")  # this code is tracked there
        sha = _git(directory, "rev-parse", "HEAD").strip()
        dirty = bool(_git(directory, "status", "--porcelain").strip())
    except (OSError, subprocess.CalledProcessError):
        return {}
    state = {"git_sha": sha, "git_dirty": str(dirty).lower()}
    return {**state, DIFF: _git(directory, "diff", "HEAD")} if dirty else state


def collect_provenance() -> dict[str, Any]:
    """Git state of the code that runs, Python and package versions. Values are strings."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    code = Path(__file__).resolve().parent
    return {**git_state(code), **{f"version.{k}": v for k, v in versions.items()}}


def current_job() -> dict[str, str]:
    """Number and log of the job that this process is; empty outside of submitit's jobs."""
    if "SUBMITIT_EXECUTOR" not in os.environ:
        return {}
    from submitit import JobEnvironment

    environment = JobEnvironment()
    return {"job": environment.job_id, "log": str(environment.paths.stdout)}


def _git(directory: Path, *arguments: str) -> str:
    command = ["git", "-C", str(directory), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
