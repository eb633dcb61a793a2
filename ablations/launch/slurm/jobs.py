"""SLURM's jobs as the attempts and launches of a home name them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ablations.errors import UserError

# job numbers, such as 12_3, with the names of their launches; None where SLURM does not answer
Jobs = Mapping[str, str] | None
Ask = Callable[[], Jobs]


def queued_jobs() -> Jobs:
    """All jobs that SLURM has not let go of, those that are just ending included."""
    from ablations.launch.slurm.scheduler import ALIVE, slurm

    if shutil.which("squeue") is None:
        return None
    states = f"--states={ALIVE},COMPLETING"
    try:
        listed = slurm("squeue", "--noheader", "--array", "--format=%i %j", states)
    except UserError:
        return None
    return dict(line.strip().split(" ", 1) for line in listed.splitlines())


def launch_of(attempt: Mapping[str, Any]) -> str | None:
    """The name of the SLURM launch in which an attempt ran; None where it was no job of SLURM's.

    Arguments:
        attempt: see `RunDirectory.attempt`.
    """
    # HOME/launches/NAME/JOB_log.out there, HOME/launches/JOB_log.out with the local executor
    name = Path(attempt.get("log") or "").parent.name
    return name if name not in ("", "launches") else None
