"""Handing a script to sbatch: with what environment, and what its refusals mean."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from threading import Timer
from typing import Any

from ablations.errors import UserError
from ablations.launch.scheduler import SubmitLimitError
from ablations.launch.slurm.commands import COMMAND_SECONDS, reason_of
from ablations.launch.slurm.options import REFUSED, overruled, variable_of

# how to reach SLURM; all else of these comes from a job in which the launcher runs
KEPT = {"SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_CLUSTERS", "SLURM_JWT"}
OF_A_JOB = ("SLURM_", "SLURMD_", "SRUN_", "SUBMITIT_")
OF_A_JOB_TOO = ("SBATCH_CPU_BIND", "SBATCH_MEM_BIND")  # the user's, or set by SLURM in a job
TORCH = {"MASTER_ADDR", "MASTER_PORT", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"}
# resources of ours are options that a user's environment may well set
OWN = {"partition", "account", "qos", "mem", "time", "nodes", "clusters"}
BREAKING = {variable_of(name) for name in REFUSED["sbatch"].keys() - OWN} | {
    "SBATCH_DEBUG",
    "SBATCH_IGNORE_PBS",
}

# sbatch waits for two minutes in all until there is room
FULL = re.compile(r"(job queue full|temporarily unable to accept job).*retrying")
TOO_LARGE = "Invalid job array specification"
# a line of its own before the refusal, such as QOSMaxSubmitJobPerUserLimit
LIMIT = re.compile(r"^(?:sbatch: error: )?((?:QOS|Assoc|Max)\w+)$", re.MULTILINE)
POLICY = "accounting/QOS policy"


def environment(asked: Mapping[str, Any]) -> dict[str, str]:
    """The variables for sbatch: the user's own, less those that would change what was `asked`.

    Arguments:
        asked: options that the script sets because somebody asked for them.

    Raises:
        UserError: one of them would hide the jobs from squeue.
    """
    found = dict(os.environ)
    if "SBATCH_CLUSTERS" in found:
        raise UserError(
            "SBATCH_CLUSTERS sends jobs where squeue does not look: set SLURM_CLUSTERS instead"
        )
    inside = "SLURM_JOB_ID" in found
    dropped = BREAKING | TORCH | overruled(asked, found)
    return {
        name: text
        for name, text in found.items()
        if name in KEPT
        or not (
            name in dropped
            or name.startswith(OF_A_JOB)
            or (inside and name.startswith(OF_A_JOB_TOO))
        )
    }


def submit_script(script: Path, asked: Mapping[str, Any]) -> str:
    """Submit it; the job's number.

    Arguments:
        asked: see `environment`.

    Raises:
        SubmitLimitError: SLURM takes no more jobs, or not so many.
        UserError: SLURM refuses the job, or does not answer.
    """
    command = ["sbatch", "--parsable", str(script)]
    said: list[str] = []
    with subprocess.Popen(
        command,
        env=environment(asked),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as sbatch:
        assert sbatch.stdout
        assert sbatch.stderr
        late = Timer(COMMAND_SECONDS, sbatch.kill)
        late.start()
        for line in sbatch.stderr:
            said.append(line)
            if FULL.search(line):
                sbatch.kill()
                break
        answer = sbatch.stdout.read()
        sbatch.wait()
        answered = late.is_alive()
        late.cancel()
    if sbatch.returncode == 0:
        return str(answer.strip().partition(";")[0])  # NUMBER;CLUSTER
    words = "".join(said)
    if not (answered or FULL.search(words)):
        raise UserError(f"SLURM does not answer: sbatch took more than {COMMAND_SECONDS} s")
    limit = limit_in(words)
    if limit:
        raise SubmitLimitError(limit, reason_of(words).removeprefix(f"{limit}; "))
    raise UserError(f"SLURM refuses the job: {reason_of(words)}")


def limit_in(words: str) -> str | None:
    """The name of the limit on the number of jobs that sbatch met, or None.

    Arguments:
        words: what sbatch said.
    """
    if FULL.search(words):
        return "MaxJobCount"
    if TOO_LARGE in words:
        return "MaxArraySize or max_array_tasks"
    found = LIMIT.search(words)
    if found:  # those of size or time are met by fewer jobs as well
        return found[1] if "Submit" in found[1] else None
    return "of its accounting or QOS" if POLICY in words else None
