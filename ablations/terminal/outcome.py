"""What a launch begins with and what came of it, in words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ablations.launch.launcher import Snapshot
from ablations.launch.timing import about, wall_seconds
from ablations.runs.directory import State
from ablations.runs.home import Home
from ablations.study.plan import Plan
from ablations.terminal.display import console


def announce(plan: Plan, snapshot: Snapshot, expected: Mapping[str, float], workers: int) -> None:
    """Print what is done and what is to be done, and how long that may take."""
    left = [expected[key] for key, run in snapshot.runs.items() if run.state is not State.DONE]
    done = len(snapshot.runs) - len(left)
    text = f"{plan.study} at scale {plan.scale} ({plan.family}): "
    text += f"{done} of {len(snapshot.runs)} runs done already"
    if left:
        wall = about(wall_seconds(left, workers))
        text += f", {len(left)} to do with {workers} workers, {wall}"
    console.print(text)
    tell_variant(plan)


def tell_variant(plan: Plan) -> None:
    """Print what a variant is called, for it is found by that name."""
    if plan.variant:
        console.print(
            f"this is {plan.study}, a variant of {plan.variant.of}: `ablate report {plan.study}`",
            soft_wrap=True,
        )


def earlier_code(count: int, study: str, accepted: bool) -> str:
    """What is to be known of runs that other code of the user's made, see `earlier_runs`.

    Arguments:
        study: as it was given.
    """
    file = Path(study).name
    if accepted:
        return f"{count} runs of an earlier version of {file} are taken as they are"
    return (
        f"{count} runs are of an earlier version of {file}; they stay, this study trains anew "
        "(--accept-old-code takes them)"
    )


def conclude(home: Home, plan: Plan, snapshot: Snapshot) -> int:
    """Print what came of all runs; returns how many brought no result."""
    failed = tell_failures(home, plan, snapshot)
    console.print(f"{len(snapshot.runs) - failed} of {len(snapshot.runs)} runs done")
    return failed


def tell_failures(home: Home, plan: Plan, snapshot: Snapshot) -> int:
    """Print why runs brought no result; returns how many."""
    failed = {key: run for key, run in snapshot.runs.items() if run.state is not State.DONE}
    for key, run in failed.items():
        name = plan.runs[key].name
        if run.state is State.CANCELLED:
            console.print(f"cancelled: {name}", style="yellow", soft_wrap=True)
            continue
        if run.damage:
            console.print(f"damaged: {name}: {run.damage}", style="red", soft_wrap=True)
            continue
        reason = home.run(key).error(run.attempt) or "its worker died repeatedly"
        console.print(f"failed: {name}: {reason}", style="red", soft_wrap=True)
        console.print(f"        more in {home.run(key).path}", soft_wrap=True)
    return len(failed)
