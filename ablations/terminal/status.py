"""Where the runs of studies stand: for people as tables, for programs as JSON values."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from rich.console import Group
from rich.live import Live
from rich.text import Text

from ablations.errors import UserError
from ablations.file_system import lack_of_space
from ablations.launch.launcher import take_snapshot
from ablations.launch.launches import launches_of
from ablations.launch.schedulers import clusters
from ablations.launch.timing import in_words
from ablations.runs.directory import Inspection, RunDirectory, State
from ablations.runs.home import Home
from ablations.runs.lease import STALE_SECONDS, Lease, Observer
from ablations.study.plan import Plan
from ablations.terminal.display import COLOURS, console, rows_table
from ablations.terminal.progress import describe, last_progress, seconds_left

WATCH_SECONDS = 2.0


def study_status(home: Home, plan: Plan, observer: Observer) -> dict[str, Any]:
    """One study: its runs in the plan's order, how many are in each state, its queued workers."""
    names = {cell.key: cell.name for cell in plan.cells}
    seen = take_snapshot(home, list(names), observer).runs
    return {
        "study": plan.study,
        "scale": plan.scale,
        "family": plan.family,
        "states": dict(Counter(run.state.value for run in seen.values())),
        "workers": _workers(home, plan.study),
        "troubles": _troubles(home, plan.study),
        "runs": [_run_status(home.run(key), names[key], seen[key]) for key in names],
    }


def _workers(home: Home, study: str) -> dict[str, int] | None:
    """Workers in the queues of clusters, by their state; None where one does not answer."""
    try:
        jobs = [job for scheduler in clusters(home) for job in scheduler.queue(study)]
    except UserError:
        return None
    return dict(Counter(job.state for job in jobs if job.works))


def _troubles(home: Home, study: str) -> list[str]:
    """What keeps workers from working: a full disk, or what one of the last launch said."""
    last = launches_of(home, study)[-1:]
    said = [f"a worker ended early: {launch.trouble}" for launch in last if launch.trouble]
    lack = lack_of_space(home.root)
    return [lack, *said] if lack else said


def _run_status(run: RunDirectory, name: str, seen: Inspection) -> dict[str, Any]:
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
        status |= {"seconds_left": seconds_left(progress), "detail": describe(progress)}
        silent = _silence(seen.lease)
        if silent > STALE_SECONDS:
            status["detail"] += f"; no sign of life for {in_words(silent)}, if the clocks agree"
    elif seen.state is State.FAILED:
        status["detail"] = (run.failure(seen.attempt) or {}).get("error", "")
    elif seen.state is State.LOST:
        status["detail"] = "its worker died; the next launch goes on with it"
    elif seen.state is State.CANCELLED:
        status["detail"] = "the next launch goes on with it"
    elif seen.state is State.DONE:
        result = run.result() or {}
        status["seconds"] = result["ended"] - result["started"]
        status["detail"] = in_words(status["seconds"])
    return status


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
            yield run, seen.attempt, (run.failure(seen.attempt) or {}).get("error", "")


def print_json(home: Home, plans: list[Plan]) -> None:
    """Every study of `plans` as a JSON list on standard output."""
    observer = Observer()
    print(json.dumps([study_status(home, plan, observer) for plan in plans], indent=1))


def show(home: Home, plans: list[Plan], watch: bool) -> None:
    """Print the tables; with `watch` every few seconds, until an interruption."""
    observer = Observer()

    def look() -> Group:
        return _render([study_status(home, plan, observer) for plan in plans])

    if not watch:
        console.print(look())
        return
    with suppress(KeyboardInterrupt), Live(look(), console=console) as live:
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
    yield Text(f"{study['study']} (scale {study['scale']}): {', '.join(parts)}", style="bold")
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
