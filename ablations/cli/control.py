"""Commands for runs that were launched: `ablate retry` and `ablate cancel`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ablations.cli.completion import complete_study
from ablations.cli.options import study_argument
from ablations.errors import UserError

if TYPE_CHECKING:
    from ablations.runs.home import Home


@click.command()
@study_argument
@click.option("--key", help="Only runs whose keys begin so.")
@click.option("--error", metavar="TEXT", help="Only runs whose error holds TEXT.")
@click.pass_obj
def retry(home: Home, study: str, key: str | None, error: str | None) -> None:
    """Let failed runs be tried again, by workers that are at work or by the next `ablate run`."""
    from ablations.study.plans import plan_of
    from ablations.terminal.status import failures

    chosen = [
        (run, attempt)
        for run, attempt, text in failures(home, plan_of(home, study))
        if run.key.startswith(key or "") and (error or "") in text
    ]
    for run, attempt in chosen:
        run.retry(attempt)
    click.echo(f"{len(chosen)} failed runs will be tried again")


@click.command()
@click.argument("study_or_run", shell_complete=complete_study)
@click.pass_obj
def cancel(home: Home, study_or_run: str) -> None:
    """Cancel the cluster jobs of a study, or one run (four letters of its key will do).

    Nothing else ends. What runs leaves a checkpoint, and the next `ablate run` goes on with it. The
    worker of a cancelled run, on a cluster or here, takes the next one.
    """
    from ablations.launch.schedulers import clusters
    from ablations.runs.lease import Observer
    from ablations.study.catalogue import name_of
    from ablations.study.plans import find_run

    name = name_of(study_or_run)
    if name in {path.stem for path in home.studies.glob("*.json")}:
        count = sum(scheduler.cancel(name) for scheduler in clusters(home, required=True))
        click.echo(f"{count} workers of {name} cancelled")
        return
    run = find_run(home, study_or_run)
    if run != home.run(run.key):
        raise UserError(f"{study_or_run} is no run of {home.root}; name its --home")
    observer = Observer()
    if run.cancel(observer):
        click.echo(f"run {run.key} cancelled")
    else:
        click.echo(f"run {run.key} is {run.inspect(observer).state}: there is nothing to cancel")
