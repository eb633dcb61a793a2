"""Commands that show what can be asked: `ablate studies`, `scales` and `plan`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ablations.cli.completion import complete_study
from ablations.cli.options import (
    Chosen,
    accept_old_code_option,
    chosen_options,
    json_option,
    name_option,
    study_argument,
)

if TYPE_CHECKING:
    from ablations.runs.home import Home
    from ablations.study.expansion import Expansion


@click.command()
def studies() -> None:
    """List the known studies with their questions."""
    from ablations.study.catalogue import load_study, study_names
    from ablations.study.expansion import expand
    from ablations.terminal.display import console, simple_table

    table = simple_table("study", "runs", "varies", "question")
    for name in study_names():
        study = load_study(name)[1]
        runs = len(expand(name, study).configs)
        axes = ", ".join(axis.name for axis in study.axes)
        table.add_row(name, str(runs), axes, study.question)
    console.print(table)


@click.command()
@click.argument("study", default="overview", shell_complete=complete_study)
def scales(study: str) -> None:
    """Show the ready-made settings of each scale and family. The first is the default."""
    from ablations.study.catalogue import load_study
    from ablations.terminal.display import console
    from ablations.terminal.scales import scales_tables

    for table in scales_tables(load_study(study)[1].experiment, console.width):
        console.print(table, "")


@click.command()
@study_argument
@chosen_options
@name_option
@accept_old_code_option
@json_option
@click.pass_obj
def plan(
    home: Home,
    /,
    study: str,
    name: str | None,
    accept_old_code: bool,
    as_json: bool,
    chosen: Chosen,
) -> None:
    """Show every run of a study: key, settings, state, expected time. Changes nothing."""
    import json

    from ablations.study.earlier import accepting, earlier_runs
    from ablations.terminal.display import warn
    from ablations.terminal.outcome import earlier_code, tell_variant

    expansion = chosen.expand(home, study, name)
    earlier = earlier_runs(home, expansion)
    if accept_old_code:
        expansion = accepting(expansion, earlier)
    if as_json:
        click.echo(json.dumps(expansion.plan.record(), indent=1))
        return
    tell_variant(expansion.plan)
    _show(home, expansion)
    if earlier:
        variant = expansion.plan.variant
        study = variant.study if variant else study
        warn(earlier_code(len(earlier), study, accept_old_code))


def _show(home: Home, expansion: Expansion) -> None:
    from rich.text import Text

    from ablations.errors import UserError
    from ablations.launch.launcher import check_ready, take_snapshot
    from ablations.launch.scheduler import Options
    from ablations.launch.schedulers import make_scheduler
    from ablations.launch.timing import about, expected_seconds, in_words, wall_seconds
    from ablations.runs.directory import State
    from ablations.runs.lease import Observer
    from ablations.terminal.display import COLOURS, console, rows_table, warn

    plan = expansion.plan
    runs = take_snapshot(home, list(plan.runs), Observer()).runs
    seconds = expected_seconds(home, expansion)
    baseline = ", ".join(f"{axis}={level}" for axis, level in plan.baseline.items())
    console.print(f"{plan.question}\n\nbaseline: {baseline}\n")
    rows = [
        (
            key,
            cell.name,
            Text(runs[key].state, style=COLOURS[runs[key].state]),
            in_words(seconds[key]),
        )
        for key, cell in plan.runs.items()
    ]
    console.print(rows_table(("key", "run", "state", "expected"), rows))
    left = [seconds[key] for key, run in runs.items() if run.state is not State.DONE]
    workers = make_scheduler("local", home, Options()).workers
    console.print(
        f"\n{len(runs)} runs at scale {plan.scale} ({plan.family}), {len(left)} to "
        f"do: {about(wall_seconds(left, workers)) if left else 'no time'} with {workers} workers."
    )
    try:
        told = check_ready(home, expansion)
    except UserError as error:
        told = [f"these runs cannot start here yet: {error}"]
    for text in expansion.experiment.savings_of(expansion.configs.values()):
        console.print(text)
    for text in told:
        warn(text)
