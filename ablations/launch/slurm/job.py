"""What the jobs of a launch run on SLURM's nodes, and what SLURM tells them there."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from submitit.helpers import DelayedSubmission

from ablations.launch.job import PREFIX, in_one_sentence
from ablations.launch.launches import Launch
from ablations.launch.process_group import BrokenGroupError, joined
from ablations.launch.worker import work
from ablations.runs.attempt import Stopped

KILLED = 137  # what srun tells of a process that was killed; the batch script then queues again
REQUEUE = 75  # a worker's exit code that asks for the same: its time is over, or it was preempted
# the end of the batch script, which goes out as the worker did, so that SLURM's record and what
# depends on it tell the truth; dead by a signal (but not Ctrl-C or scancel's), a worker queues
# again ten times, lest a run that always kills its worker goes on for ever
REQUEUE_KILLED = f"""status=$?
again=no
if [ $status -eq {REQUEUE} ]; then
  again=yes
elif [ $status -gt 128 ] && [ $status -le 192 ] && [ $status -ne 130 ] && [ $status -ne 143 ]; then
  [ "${{SLURM_RESTART_COUNT:-0}}" -ge 10 ] || again=yes
fi
if [ $again = yes ] && ! said=$(scontrol requeue "$SLURM_JOB_ID" 2>&1); then
  echo "the site forbids to queue jobs again: $said" | tee -a "$trouble"
fi
exit $status"""


@dataclass
class WorkerJob:
    """The requests of a launch, one after the other until none is left.

    Attributes:
        launch: its directory.
        home: the home directory.
        maximum: how many runs it does at most, or None.
    """

    launch: str
    home: str
    maximum: int | None

    def __call__(self) -> None:
        """Work. On USR2 (time over, or preempted) leave a checkpoint and queue again."""
        launch = Launch(Path(self.launch))
        restart, gpus = os.environ.get("SLURM_RESTART_COUNT", "0"), gpus_of_job()
        try:
            with in_one_sentence(launch.path), joined(restart, gpus) as group:
                content = launch.content
                study, provenance = content["study"], content["provenance"]
                work(self.home, study, launch.requests, provenance, self.maximum, group)
        except BrokenGroupError as error:
            print(f"{PREFIX}{error}; the job queues again", flush=True)
            sys.exit(KILLED)
        except Stopped as stopped:
            if stopped.signal not in (signal.SIGUSR2, None):
                raise
            signal.raise_signal(signal.SIGUSR2)  # to submitit, now that nothing is half done

    def checkpoint(self) -> DelayedSubmission:
        """What submitit queues again: the same, for the run directories hold all state."""
        return DelayedSubmission(self)


def gpus_of_job() -> int | None:
    """How many GPUs SLURM gave to this job; None where it does not say."""
    told = os.environ.get("SLURM_GPUS_ON_NODE")
    return int(told) if told else None
