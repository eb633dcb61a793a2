"""Runs whose jobs are gone: a cluster knows at once what silence tells only after two minutes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ablations.errors import UserError
from ablations.launch.launches import launch_of
from ablations.runs.directory import Inspection, RunDirectory, State

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
