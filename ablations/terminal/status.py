"""Where the runs of studies stand: for people as tables, for programs as JSON values."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cache, partial
from math import isnan
from typing import Any, NoReturn

from rich.console import Group
from rich.live import Live
from rich.text import Text

from ablations.errors import UserError
from ablations.file_system import lack_of_space
from ablations.files import DamagedError
from ablations.launch.launcher import take_snapshot
from ablations.launch.launches import launches_of
from ablations.launch.scheduler import QueuedJob
from ablations.launch.schedulers import clusters, queued_launches
from ablations.launch.timing import about, in_words, seconds_left, seconds_taken
from ablations.runs.directory import Inspection, RunDirectory, State
from ablations.runs.home import Home
from ablations.runs.lease import STALE_SECONDS, Lease, Observer, Owner
from ablations.study.plan import Plan
from ablations.terminal.activity import activity
from ablations.terminal.display import COLOURS, console, rows_table, warn
from ablations.terminal.progress import (
    DATA_WAIT,
    HIGH_WAIT,
    beside_the_usual,
    describe,
    last_progress,
)
from ablations.terminal.progress import seconds_left as steps_left
from ablations.terminal.queue import waiting_workers, worker_states
from ablations.terminal.use import Use, measure_use

WATCH_SECONDS = 2.0


def study_status(home: Home, plan: Plan, observer: Observer) -> dict[str, Any]:
    """One study: its runs in the plan's order, how many are in each state, its queued workers."""
    names = {cell.key: cell.name for cell in plan.cells}
    jobs = _jobs(home, plan.study)
    seen = take_snapshot(home, list(names), observer, cache(partial(queued_launches, home))).runs
    nodes = {job.number: job.node for job in jobs or []}
    running = [one for one in seen.values() if one.state is State.RUNNING and one.lease]
    used = measure_use(one.lease.owner for one in running if one.lease)
    runs = [_run_status(home.run(key), names[key], seen[key], nodes, used) for key in names]
    return {
        "study": plan.study,
        "variant_of": plan.variant.of if plan.variant else None,
        "scale": plan.scale,
        "family": plan.family,
        "states": dict(Counter(run.state.value for run in seen.values())),
        "seconds_left": _seconds_left(home, runs, jobs),
        "workers": None if jobs is None else worker_states(jobs),
        "jobs": None if jobs is None else [asdict(job) for job in jobs],
        "troubles": [*_troubles(home, plan.study), *_slow_data(runs)],
        "runs": runs,
    }


def _jobs(home: Home, study: str) -> list[QueuedJob] | None:
    """Workers in the queues of clusters; None where one does not answer."""
    try:
        jobs = [job for scheduler in clusters(home) for job in scheduler.queue(study)]
    except UserError:
        return None
    return [job for job in jobs if job.works]


def _seconds_left(
    home: Home, runs: Sequence[Mapping[str, Any]], jobs: Sequence[QueuedJob] | None
) -> float | None:
    """Seconds until the study is done by those that work now; None where nobody does or knows."""
    states = Counter(run["state"] for run in runs)
    running = [run for run in runs if run["state"] == State.RUNNING]
    spent = [
        (home.run(run["key"]).seconds(run["attempt"]) - run["beside"], run["seconds_left"])
        for run in running
    ]
    taken = [run["seconds"] for run in runs if run["state"] == State.DONE]
    at_work = sum(job.can_work and not job.reason for job in jobs or [])
    if not running and not at_work:
        return None
    free = states[State.WAITING] + states[State.LOST]
    left = seconds_left(taken, spent, free, max(at_work, len(running)))
    return None if isnan(left) else left


def _troubles(home: Home, study: str) -> list[str]:
    """What keeps workers from working: a full disk, or what one of the last launch said."""
    last = launches_of(home, study)[-1:]
    said = [f"a worker ended early: {launch.trouble}" for launch in last if launch.trouble]
    said += [str(launch.damage) for launch in last if launch.damage]
    lack = lack_of_space(home.root)
    return [lack, *said] if lack else said


def _slow_data(runs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A sentence where runs that are at work mostly wait for data."""
    waits = [wait for run in runs if (wait := run.get(DATA_WAIT) or 0.0) >= HIGH_WAIT]
    if waits:
        working = sum(run["state"] == State.RUNNING for run in runs)
        yield (
            f"{len(waits)} of {working} runs at work wait for data, up to {max(waits):.0%} of "
            "their time: more CPUs a run, or data that is quicker to read, would speed them up"
        )


def _run_status(
    run: RunDirectory,
    name: str,
    seen: Inspection,
    nodes: Mapping[str, str],
    used: Mapping[Owner, Use],
) -> dict[str, Any]:
    """One run.

    Arguments:
        nodes: of the jobs that run, by number.
        used: what those at work use.
    """
    status: dict[str, Any] = {
        "key": run.key,
        "name": name,
        "state": seen.state.value,
        "attempt": seen.attempt,
        "detail": "",
    }
    if seen.state is State.RUNNING:
        progress = last_progress(run, seen.attempt)
        status |= {"step": progress.get("step"), "of": progress.get("of")}
        status[DATA_WAIT] = progress.get("metrics", {}).get(DATA_WAIT)
        status |= {"seconds_left": steps_left(progress), "detail": describe(progress)}
        status |= {"beside": beside_the_usual(progress)}
        status |= _place(run, seen.attempt, nodes)
        status["detail"] += status.pop("place")
        if use := used.get(seen.lease.owner) if seen.lease else None:
            status |= {"cpus_used": use.cpus, "gpus_used": list(use.gpus)}
            status["detail"] += f", {use}"
        silent = _silence(seen.lease)
        if silent > STALE_SECONDS:
            status["detail"] += f"; no sign of life for {in_words(silent)}, if the clocks agree"
    elif seen.state is State.FAILED:
        status["detail"] = run.error(seen.attempt)
    elif seen.state is State.LOST:
        status["detail"] = "its worker died; the next launch goes on with it"
    elif seen.state is State.CANCELLED:
        status["detail"] = "the next launch goes on with it"
    elif seen.result:
        status["seconds"] = seconds_taken(run, seen.result)
        status["detail"] = in_words(status["seconds"])
    elif seen.damage:
        status["detail"] = str(seen.damage)
    return status


def _place(run: RunDirectory, attempt: int, nodes: Mapping[str, str]) -> dict[str, Any]:
    """Where an attempt runs: its host or node and its job, and both in words."""
    try:
        told = run.attempt(attempt)
    except DamagedError as damage:
        return {"node": None, "job": None, "place": f"; {damage}"}
    job, host = told.get("job"), told.get("host")
    node = nodes.get(str(job)) or host
    parts = [str(node)] if node else []
    parts += [f"job {job}"] if job else []
    parts += [f"attempt {attempt}"] if attempt > 1 else []
    return {"node": node, "job": job, "place": "".join(f", {part}" for part in parts)}


def _silence(lease: Lease | None) -> float:
    """Seconds for which an owner on another host gave no sign, by this host's clock."""
    if lease is None or lease.owner.is_alive() is not None:
        return 0.0
    return time.time() - lease.last_sign


def failures(home: Home, plan: Plan) -> Iterator[tuple[RunDirectory, int, str]]:
    """The failed runs of a study: run, attempt, error."""
    observer = Observer()
    for key in plan.runs:
        run = home.run(key)
        seen = run.inspect(observer)
        if seen.state is State.FAILED:
            yield run, seen.attempt, run.error(seen.attempt)


def damages(studies: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is wrong with each damaged run, in a sentence; `studies`: see `study_status`."""
    runs = [run for study in studies for run in study["runs"]]
    return [run["detail"] for run in runs if run["state"] == State.DAMAGED]


def print_json(home: Home, plans: list[Plan]) -> list[str]:
    """Print every study of `plans` as a JSON list; returns the `damages`."""
    observer = Observer()
    studies = [study_status(home, plan, observer) for plan in plans]
    print(json.dumps(studies, indent=1))
    return damages(studies)


def show(home: Home, plans: list[Plan], watch: bool) -> list[str]:
    """Print the tables, and return the `damages`.

    With `watch` it prints them every few seconds, until an interruption.
    """
    observer, studies = Observer(), list[dict[str, Any]]()

    def look() -> Group:
        studies[:] = [study_status(home, plan, observer) for plan in plans]
        return _render(studies)

    if not watch:
        with activity("looking at the runs"):
            tables = look()
        console.print(tables)
        return damages(studies)
    try:
        _watch(look)
    except KeyboardInterrupt:
        for damage in damages(studies):
            warn(damage)
        raise


def _watch(look: Callable[[], Group]) -> NoReturn:
    """Show what `look` gives every few seconds: in one place, or into a pipe as blocks."""
    if not console.is_terminal:
        while True:
            console.print(time.strftime("%Y-%m-%d %H:%M:%S"), look())
            time.sleep(WATCH_SECONDS)
    with Live(look(), console=console) as live:
        while True:
            time.sleep(WATCH_SECONDS)
            live.update(look(), refresh=True)


def _render(studies: list[dict[str, Any]]) -> Group:
    """A line and a table for each study."""
    return Group(*(part for study in studies for part in _render_study(study)))


def _render_study(study: dict[str, Any]) -> Iterator[Any]:
    parts = [f"{count} {state}" for state, count in study["states"].items()]
    if study["workers"] is None:
        parts.append("the cluster does not answer")
    else:
        parts += [f"{count} workers {state.lower()}" for state, count in study["workers"].items()]
    if study["seconds_left"] is not None:
        parts.append(f"{about(study['seconds_left'])} left at the speed so far")
    kind = f"variant of {study['variant_of']}, " if study["variant_of"] else ""
    head = f"{study['study']} ({kind}scale {study['scale']}): {', '.join(parts)}"
    yield Text(head, style="bold")
    yield from waiting_workers([QueuedJob(**job) for job in study["jobs"] or []])
    for trouble in study["troubles"]:
        yield Text(trouble, style="yellow", no_wrap=True, overflow="ignore")
    rows = [
        (
            Text(run["state"], style=COLOURS[State(run["state"])]),
            run["name"],
            Text(run["key"], style="dim"),
            run["detail"],
        )
        for run in study["runs"]
    ]
    yield rows_table(("state", "run", "key", "how far"), rows)
