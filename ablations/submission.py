"""One `ablate run --cluster slurm`: see what is left, submit workers for it, and leave."""

from __future__ import annotations

import math
from dataclasses import dataclass

import click

from ablations.claim import Observer
from ablations.display import console
from ablations.home import Home, State
from ablations.launcher import check_space, take_snapshot
from ablations.plan import Plan
from ablations.provenance import collect_provenance
from ablations.resources import Resources
from ablations.session import check_ready
from ablations.slurm import Cluster
from ablations.store import check_uri
from ablations.tracking import Collector
from ablations.worker import Request, requests_of


@dataclass(frozen=True)
class Array:
    """How a launch is spread over jobs.

    Attributes:
        workers: how many at once.
        pack: runs a worker does before it ends, or None: until none is left.
        sync: whether a last job brings the tracking store up to date.
    """

    workers: int = 32
    pack: int | None = None
    sync: bool = False

    def tasks(self, runs: int) -> int:
        """How many workers so many runs want."""
        return min(self.workers, runs) if self.pack is None else math.ceil(runs / self.pack)


def submit_study(
    home: Home,
    plan: Plan,
    study: str,
    resources: Resources,
    array: Array,
    tracking_uri: str | None,
    dry_run: bool,
) -> None:
    """Submit workers for the runs that are due, less those already in the queue.

    Arguments:
        study: what `load_study` takes.
        dry_run: print the batch script, and touch nothing.

    Raises:
        UserError: something is missing, or SLURM refuses.
    """
    uri = tracking_uri or home.tracking_uri
    check_uri(uri)
    cluster = Cluster(home)
    due = _due(home, plan)
    queued = sum(cluster.queue(plan.study).values())
    tasks = max(0, array.tasks(len(due)) - queued)
    console.print(
        f"{plan.study} at scale {plan.scale} ({plan.family}): {len(plan.runs)} runs, {len(due)} "
        f"due; {queued} workers in the queue, {tasks} more wanted"
    )
    if dry_run:
        click.echo(cluster.script(resources, plan.study, max(tasks, 1), array.workers), nl=False)
        return
    check_space(home)
    check_ready(home, plan)
    home.save_plan(plan.record())
    if tasks:
        Collector(home, uri).sync()  # makes the store and the experiment once, here
        content = {
            "study": study,
            "name": plan.study,
            "provenance": collect_provenance(),
        }
        after = uri if array.sync else None
        launch = cluster.submit(content, due, resources, tasks, array.workers, array.pack, after)
        console.print(f"submitted {tasks} workers; job name and logs: {launch.path}")
    console.print(
        f"`ablate status {plan.study}` shows how far they are, `ablate sync` brings MLflow up to "
        f"date, `ablate cancel {plan.study}` ends them"
    )


def _due(home: Home, plan: Plan) -> list[Request]:
    """What nobody has done and nobody works on."""
    seen = take_snapshot(home, list(plan.runs), Observer()).runs
    settled = (State.DONE, State.RUNNING)
    return [one for one in requests_of(plan, seen) if seen[one.key].state not in settled]
