"""What the jobs of a launch run on SLURM's nodes, and what SLURM tells them there."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from submitit import JobEnvironment
from submitit.helpers import DelayedSubmission

from ablations.errors import EXIT_FAILED_RUNS
from ablations.launch.crew import Crew, Position
from ablations.launch.job import PREFIX, PROCESSES, in_one_sentence
from ablations.launch.launches import Launch
from ablations.launch.nodes import LostNodeError, Meeting, Nodes, serve
from ablations.launch.worker import work
from ablations.runs.attempt import Stopped
from ablations.runs.home import Home

# the exit code by which a worker asks to be queued again: its time is over, or it was preempted
REQUEUE = 75  # EX_TEMPFAIL of sysexits(3)
# the end of the batch script, which goes out as the worker did, so that SLURM's record and what
# depends on it tell the truth; dead by a signal (but not Ctrl-C or scancel's), a worker queues
# again ten times, lest a run that always kills its worker goes on for ever
TEARDOWN = f"""status=$?
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
        """Work. On USR2 (time over, or preempted) leave checkpoints, and ask to be queued again."""
        launch, environment = Launch(Path(self.launch)), JobEnvironment()
        machine, machines = environment.global_rank, environment.num_tasks
        here = int(os.environ.get(PROCESSES, "1"))
        position = Position(machine * here, here, machines * here)
        try:
            with in_one_sentence(launch.path):
                crew = Crew(Home(Path(self.home)), launch.content["study"], position)
                if machines == 1:
                    self._work(launch, crew)
                else:
                    self._work_on_several(launch, crew, machine, machines)
        except LostNodeError as error:
            print(f"{PREFIX}{error}; the job queues again", flush=True)
            sys.exit(REQUEUE)
        except Stopped as stopped:
            sys.exit(REQUEUE if stopped.signal == signal.SIGUSR2 else 128 + (stopped.signal or 0))

    def _work(self, launch: Launch, doers: Crew | Nodes) -> None:
        """Do the requests; SLURM shall know where some failed, for mail and for `afterok`."""
        failed = work(
            self.home,
            launch.content["study"],
            launch.requests,
            launch.content["provenance"],
            launch.limits,
            self.maximum,
            doers,
            gpus_of_job(),
            launch.content.get("file"),
        )
        if failed:
            print(f"{PREFIX}{failed} runs failed", flush=True)
            sys.exit(EXIT_FAILED_RUNS)

    def _work_on_several(self, launch: Launch, crew: Crew, machine: int, machines: int) -> None:
        start = f"{JobEnvironment().raw_job_id}-{os.environ.get('SLURM_RESTART_COUNT', '0')}"
        path = launch.path / f"meeting-{start}.json"
        meeting = Meeting(path, own_address() if machine == 0 else "", machines)
        if machine == 0:
            self._work(launch, Nodes(crew, meeting))
        else:
            serve(crew, meeting)

    def checkpoint(self) -> DelayedSubmission:
        """What submitit queues again, where a signal comes before the work has begun."""
        return DelayedSubmission(self)


def gpus_of_job() -> int | None:
    """How many GPUs SLURM gave to this job; None where it does not say."""
    told = os.environ.get("SLURM_GPUS_ON_NODE")
    nodes = int(os.environ.get("SLURM_JOB_NUM_NODES", "1"))
    return int(told) * nodes if told else None


def own_address() -> str:
    """Where the other nodes of the job reach this one, as SLURM itself does."""
    name = os.environ.get("SLURMD_NODENAME", "")
    with suppress(OSError, subprocess.SubprocessError):
        asked = ["scontrol", "show", "node", name, "--oneliner"]
        told = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60).stdout
        found = re.search(r"\bNodeAddr=(\S+)", told)
        if found:
            return found[1]
    return name
