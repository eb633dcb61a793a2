"""The schedulers that there are, by name. Another one is a folder like `slurm/` and a line here.

Heavy imports stay inside the functions: the command line reads the names for its help.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from ablations.errors import UserError

if TYPE_CHECKING:
    from ablations.launch.scheduler import Options, Scheduler
    from ablations.runs.home import Home

SCHEDULERS = {
    "local": "ablations.launch.local.scheduler:LocalScheduler",
    "slurm": "ablations.launch.slurm.scheduler:SlurmScheduler",
}


def scheduler_class(name: str) -> type[Scheduler]:
    """The scheduler `name`, imported now: most commands need none."""
    module, _, kind = SCHEDULERS[name].partition(":")
    found: type[Scheduler] = getattr(import_module(module), kind)
    return found


def make_scheduler(name: str, home: Home, options: Options) -> Scheduler:
    """The scheduler `name`, ready to submit.

    Raises:
        UserError: it is not here, or refuses an option.
    """
    scheduler = scheduler_class(name)(home, options)
    scheduler.check()
    return scheduler


def clusters(home: Home, required: bool = False) -> list[Scheduler]:
    """The schedulers that this machine can reach and whose workers outlive a command.

    Raises:
        UserError: there is none, but one is `required`.
    """
    from ablations.launch.scheduler import Options

    kinds = [kind for kind in map(scheduler_class, SCHEDULERS) if kind.detached]
    found = [kind(home, Options()) for kind in kinds if kind.is_here()]
    if required and not found:
        raise UserError("this machine reaches no cluster such as SLURM")
    return found


def queued_launches(home: Home) -> Mapping[str, str] | None:
    """The launch of each job that is not over, by the job's number; None where nobody tells."""
    reached = clusters(home)
    try:
        jobs = [job for scheduler in reached for job in scheduler.queue()]
    except UserError:
        return None
    return {job.number: job.launch for job in jobs} if reached else None
