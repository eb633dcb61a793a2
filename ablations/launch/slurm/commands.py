"""SLURM's commands, and what they say when they fail."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

from ablations.errors import UserError

COMMAND_SECONDS = 60
TASTES = ("SQUEUE_", "SCANCEL_")  # a user's variables that would hide jobs, or ask questions
PREFIX = re.compile(r"^\w+: ((error|fatal): )?")
ERROR = re.compile(r"\w+: (error|fatal): ")


def has_slurm() -> bool:
    """Whether SLURM's commands are on the path."""
    return shutil.which("sbatch") is not None and shutil.which("srun") is not None


def require_slurm() -> None:
    """Raise UserError where there is no SLURM."""
    if not has_slurm():
        raise UserError("this machine has no SLURM (no sbatch); --cluster local needs none")


def slurm(*command: str) -> str:
    """Standard output of a SLURM command.

    Raises:
        UserError: it fails, or does not answer.
    """
    variables = {name: text for name, text in os.environ.items() if not name.startswith(TASTES)}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=COMMAND_SECONDS, env=variables
        )
    except subprocess.TimeoutExpired:
        late = f"{command[0]} took more than {COMMAND_SECONDS} s"
        raise UserError(f"SLURM does not answer: {late}") from None
    if done.returncode != 0:
        raise UserError(f"{command[0]} failed: {reason_of(done.stderr)}")
    return done.stdout


def listed(*command: str) -> list[str]:
    """The lines of a table that a SLURM command prints without titles.

    Where SLURM_CLUSTERS names a cluster, a line that tells of it stands above its jobs all the
    same.

    Raises:
        UserError: it fails, or does not answer.
    """
    lines = slurm(*command).splitlines()
    return [line for line in lines if line.strip() and not line.startswith("CLUSTER: ")]


def reason_of(text: str) -> str:
    """Why a SLURM command failed: all its errors, or else its last words; no hints at its help."""
    lines = [line for line in text.strip().splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith("Try ")]
    errors = [PREFIX.sub("", line) for line in lines if ERROR.match(line)]
    if errors:
        return "; ".join(dict.fromkeys(errors))
    return PREFIX.sub("", lines[-1]) if lines else "it does not say why"
