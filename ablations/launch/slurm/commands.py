"""SLURM's commands, and what they say when they fail."""

from __future__ import annotations

import shutil
import subprocess

from ablations.errors import UserError

COMMAND_SECONDS = 60


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
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_SECONDS)
    except subprocess.TimeoutExpired:
        late = f"{command[0]} took more than {COMMAND_SECONDS} s"
        raise UserError(f"SLURM does not answer: {late}") from None
    if done.returncode != 0:
        raise UserError(f"{command[0]} failed: {reason_of(done.stderr)}")
    return done.stdout


def reason_of(text: str) -> str:
    """SLURM's last words, without its prefix."""
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1].removeprefix("sbatch: error: ") if lines else "it does not say why"
