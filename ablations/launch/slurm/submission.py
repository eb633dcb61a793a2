"""One `ablate run --cluster slurm`: see what is left, submit workers for it, and leave."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from ablations.errors import UserError
from ablations.launch.launcher import Launcher, Snapshot, check_space, take_snapshot
from ablations.launch.session import check_ready
from ablations.launch.slurm.resources import Profile, Resources
from ablations.launch.slurm.scheduler import Cluster, Launch, Order
from ablations.launch.worker import Request, requests_of
from ablations.runs.home import Home, State
from ablations.runs.provenance import code_provenance
from ablations.study.plan import Plan
from ablations.terminal.display import console
from ablations.tracking.collector import Collector
from ablations.tracking.store import check_uri


@dataclass(frozen=True)
class Array:
    """How a launch is spread over jobs.

    Attributes:
        workers: how many at once, for each kind of resources.
        pack: runs a worker does before it ends, or None: until none is left.
        sync: whether a last job brings the tracking store up to date.
    """

    workers: int = 32
    pack: int | None = None
    sync: bool = False

    def order(self, requests: Sequence[Request], resources: Resources, queued: int) -> Order:
        """Workers for these requests, less those that are queued for them already."""
        runs = len(requests)
        wanted = min(self.workers, runs) if self.pack is None else math.ceil(runs / self.pack)
        return Order(requests, resources, max(0, wanted - queued), self.workers, self.pack)


class ClusterLauncher(Launcher):
    """Keeps workers in SLURM's queue for a plan that grows. When it leaves, they go on."""

    poll_seconds = 5.0

    def __init__(
        self,
        home: Home,
        plan: Plan,
        study: str,
        workers: int,
        provenance: dict[str, Any],
        profile: Profile,
        cluster: Cluster,
    ) -> None:
        super().__init__(home, plan, study, workers, provenance)
        self._cluster, self._array, self._profile = cluster, Array(workers), profile
        self._queue: Mapping[Launch, Counter[str]] = {}
        self._launches: list[Launch] = []
        self._barren_since = -1  # attempts when workers were last submitted

    def _check_workers(self, snapshot: Snapshot) -> None:
        """Give up where a worker says why none can work, or all ended before they took a run."""
        self._queue = self._cluster.queue(self.plan.study)
        attempts = sum(run.attempt for run in snapshot.runs.values())
        self._trouble = next(filter(None, (one.trouble for one in self._launches)), None)
        if not self._queue and attempts == self._barren_since and self._due(snapshot):
            where = f"workers end before they start a run; logs: {self._launches[-1].path}"
            raise UserError(self._trouble or where)
        self._attempts = attempts

    def _count_live(self) -> int:
        return sum(states.total() for states in self._queue.values())

    def _start(self, due: Sequence[Request], running: int, live: int) -> None:
        """Submit workers for what nobody in the queue is to do."""
        orders = []
        for resources, requests in _by_resources(self.plan, due, self._profile):
            queued = _workers_for(requests, self._queue)
            order = self._array.order(requests, resources, queued)
            orders += [order] if order.workers else []
        if orders:
            content = {"study": self.study, "name": self.plan.study, "provenance": self.provenance}
            self._launches += self._cluster.submit(content, orders, None)
            self._barren_since = self._attempts

    def _stop(self) -> None:
        """Workers in the queue go on."""


def submit_study(
    home: Home,
    plan: Plan,
    study: str,
    profile: Profile,
    array: Array,
    tracking_uri: str | None,
    dry_run: bool,
) -> None:
    """Submit workers for the runs that are due, less those already in the queue.

    Arguments:
        study: what `load_study` takes.
        dry_run: print the batch scripts, and touch nothing.

    Raises:
        UserError: something is missing, or SLURM refuses.
    """
    uri = tracking_uri or home.tracking_uri
    check_uri(uri)
    cluster = Cluster(home)
    due = _due(home, plan)
    queue = cluster.queue(plan.study)
    orders = [
        array.order(requests, resources, _workers_for(requests, queue))
        for resources, requests in _by_resources(plan, due, profile)
    ]
    wanted = [order for order in orders if order.workers]
    console.print(
        f"{plan.study} at scale {plan.scale} ({plan.family}): {len(plan.runs)} runs, {len(due)} "
        f"due; {sum(states.total() for states in queue.values())} workers in the queue, "
        f"{sum(order.workers for order in wanted)} more wanted"
    )
    if dry_run:
        example = Order([], profile.resources(plan.scale, {}), 1, array.workers)
        for order in wanted or [example]:
            click.echo(cluster.script(plan.study, order), nl=False)
        return
    check_space(home)
    check_ready(home, plan)
    home.prepare()
    home.save_plan(plan.record())
    if wanted:
        Collector(home, uri).sync()  # makes the store and the experiment once, here
        content = {"study": study, "name": plan.study, "provenance": code_provenance()}
        for launch, order in zip(
            cluster.submit(content, wanted, uri if array.sync else None), wanted, strict=True
        ):
            console.print(
                f"submitted {order.workers} workers for {len(order.requests)} runs "
                f"({order.resources.brief()}); job name and logs: {launch.path}",
                soft_wrap=True,
            )
    _tell_of_others(home, plan, queue)
    console.print(
        f"`ablate status {plan.study}` shows how far they are, `ablate sync` brings MLflow up to "
        f"date, `ablate cancel {plan.study}` ends them"
    )


def _due(home: Home, plan: Plan) -> list[Request]:
    """What nobody has done and nobody works on."""
    seen = take_snapshot(home, list(plan.runs), home.observer()).runs
    settled = (State.DONE, State.RUNNING)
    return [one for one in requests_of(plan, seen) if seen[one.key].state not in settled]


def _by_resources(
    plan: Plan, requests: Sequence[Request], profile: Profile
) -> list[tuple[Resources, list[Request]]]:
    """The requests by what their runs ask for."""
    runs = plan.runs
    asking: dict[tuple[tuple[str, str], ...], list[Request]] = {}  # by the levels that matter
    for request in requests:
        levels = runs[request.key].levels.items()
        own = tuple(item for item in levels if ("level", *item) in profile.layers)
        asking.setdefault(own, []).append(request)
    groups: list[tuple[Resources, list[Request]]] = []
    for own, members in asking.items():
        resources = profile.resources(plan.scale, dict(own))
        alike = [group for known, group in groups if known == resources]
        alike[0].extend(members) if alike else groups.append((resources, members))
    return groups


def _workers_for(requests: Sequence[Request], queue: Mapping[Launch, Counter[str]]) -> int:
    """How many workers are in the queue of launches that do any of these requests."""
    keys = {request.key for request in requests}
    return sum(states.total() for launch, states in queue.items() if keys & launch.keys)


def _tell_of_others(home: Home, plan: Plan, queue: Mapping[Launch, Counter[str]]) -> None:
    """Runs that the study asked for earlier are neither cancelled nor done silently."""
    others = set().union(*(launch.keys for launch in queue)) - plan.runs.keys()
    left = [key for key in others if home.run(key).result() is None]
    if left:
        console.print(
            f"workers in the queue also do {len(left)} runs that {plan.study} asked for earlier "
            "and does not now; `ablate cancel KEY` ends such a run",
            soft_wrap=True,
        )
