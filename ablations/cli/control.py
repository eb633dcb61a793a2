"""Commands for what was launched: `ablate logs`, `retry`, `cancel`, and `cluster check`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ablations.cli.completion import complete_study
from ablations.cli.options import profile_option, resource_option, study_argument
from ablations.errors import EXIT_FAILED_RUNS
from ablations.parsing import parse_pairs

if TYPE_CHECKING:
    from ablations.runs.home import Home


@click.command()
@click.argument("run")
@click.option("-f", "--follow", is_flag=True, help="Go on as long as somebody works on the run.")
@click.option("--attempt", type=click.IntRange(1), help="[default: the latest]")
@click.pass_obj
def logs(home: Home, run: str, follow: bool, attempt: int | None) -> None:
    """Print what the worker of RUN printed (its key's first letters will do), and why it failed."""
    from ablations.runs.logs import log_of, read

    directory = home.find(run)
    number, path = log_of(directory, attempt)
    click.echo(f"run {directory.key}, attempt {number}: {path or 'its log is gone'}", err=True)
    if path:
        for piece in read(directory, path, follow):
            click.echo(piece, nl=False)
    failure = directory.failure(number)
    if failure:
        click.echo(failure["traceback"])


@click.command()
@study_argument
@click.option("--key", help="Only runs whose keys begin so.")
@click.option("--error", metavar="TEXT", help="Only runs whose error holds TEXT.")
@click.pass_obj
def retry(home: Home, study: str, key: str | None, error: str | None) -> None:
    """Let failed runs be tried again, by workers that are at work or by the next `ablate run`."""
    from ablations.terminal.status import failures

    chosen = [
        (run, attempt)
        for run, attempt, text in failures(home, home.plan(Path(study).stem))
        if run.key.startswith(key or "") and (error or "") in text
    ]
    for run, attempt in chosen:
        run.retry(attempt)
    click.echo(f"{len(chosen)} failed runs will be tried again")


@click.command()
@click.argument("study_or_run", shell_complete=complete_study)
@click.pass_obj
def cancel(home: Home, study_or_run: str) -> None:
    """Cancel the SLURM jobs of a study, or one run (its key's first letters will do).

    Nothing else ends. What runs leaves a checkpoint, and the next `ablate run` goes on with it. The
    worker of a cancelled run, on SLURM or here, takes the next one.
    """
    from ablations.launch.slurm.scheduler import Cluster
    from ablations.runs.lease import Observer

    name = Path(study_or_run).stem
    if name in {plan["study"] for plan in home.plans()}:
        click.echo(f"{Cluster(home).cancel(name)} workers of {name} cancelled")
        return
    run = home.find(study_or_run)
    observer = Observer()
    if run.cancel(observer):
        click.echo(f"run {run.key} cancelled")
    else:
        click.echo(f"run {run.key} is {run.inspect(observer).state}: there is nothing to cancel")


@click.group()
def cluster() -> None:
    """Prepare for `ablate run --cluster slurm`."""


@cluster.command()
@profile_option
@resource_option
@click.option("--scale", default="", help="With the profile's settings of this scale.")
@click.pass_obj
def check(home: Home, profile: Path | None, resources: tuple[str, ...], scale: str) -> None:
    """Submit a small job and tell what works: files, Python, GPUs, signals, requeue, accounting."""
    from ablations.launch.slurm.probe import check_cluster
    from ablations.launch.slurm.resources import read_profile
    from ablations.terminal.display import console

    asked = read_profile(profile, parse_pairs("--resource", resources)).resources(scale, {})
    failed = False
    for finding in check_cluster(home, asked):
        failed |= finding.works is False
        mark = {True: "works", False: "fails", None: "-"}[finding.works]
        console.print(f"{mark:6} {finding.what}: {finding.detail}", soft_wrap=True)
    sys.exit(EXIT_FAILED_RUNS if failed else 0)
