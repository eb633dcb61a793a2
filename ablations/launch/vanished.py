"""Runs whose jobs are gone, and jobs whose runs are.

A cluster knows at once what silence tells only after two minutes; but not that a job hangs, is
suspended, or was stopped while the controller was down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ablations.errors import UserError
from ablations.launch.launches import launch_of
from ablations.launch.scheduler import QueuedJob
from ablations.runs.directory import Inspection, RunDirectory, State
from ablations.runs.home import Home

# the launch of each job that is not over, by its number; None where nobody tells
Ask = Callable[[], Mapping[str, str] | None]


def is_vanished(run: RunDirectory, seen: Inspection, ask: Ask) -> bool:
    """Whether the job of a run that seems to be at work is over. Unknown is not over.

    Look at the run again afterwards: its job may have ended well meanwhile.

    Arguments:
        seen: from before the cluster is asked.
        ask: called only where that matters: this host cannot tell whether the owner lives.
    """
    lease = seen.lease
    if seen.state is not State.RUNNING or lease is None or lease.owner.is_alive() is not None:
        return False
    try:
        told = run.attempt(seen.attempt)
    except UserError:  # damaged
        return False
    launch = launch_of(told)
    jobs = ask() if launch and told.get("job") else None
    # a number that SLURM gave to another job since is of another launch
    return jobs is not None and jobs.get(told["job"]) != launch


def silent_jobs(home: Home, jobs: Sequence[QueuedJob], runs: Mapping[str, Inspection]) -> set[str]:
    """Numbers of jobs that should be at work, but have lost their run and work on no other.

    Arguments:
        runs: where those of the plan stand, by key.
    """
    begun = {job.number for job in jobs if job.node}
    held: dict[State, set[str]] = {State.LOST: set(), State.RUNNING: set()}
    for key, seen in runs.items() if begun else ():
        if seen.state in held:
            held[seen.state].add(_job_of(home.run(key), seen.attempt))
    return begun & (held[State.LOST] - held[State.RUNNING])


def _job_of(run: RunDirectory, attempt: int) -> str:
    """The job that an attempt was of; empty where nobody can tell."""
    try:
        return run.attempt(attempt).get("job") or ""
    except UserError:  # damaged
        return ""
