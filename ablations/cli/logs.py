"""The command `ablate logs`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ablations.runs.home import Home


@click.command()
@click.argument("run")
@click.option("-f", "--follow", is_flag=True, help="Go on as long as somebody works on the run.")
@click.option("--attempt", type=click.IntRange(1), help="[default: the latest]")
@click.pass_obj
def logs(home: Home, run: str, follow: bool, attempt: int | None) -> None:
    """Print what the worker of RUN printed (four letters of its key will do), and why it failed.

    With --follow also how far the run is: phases and steps, as they come.
    """
    from ablations.runs.logs import log_of, read
    from ablations.study.plans import find_run
    from ablations.uris import without_secrets

    directory = find_run(home, run)
    number, path = log_of(directory, attempt)
    click.echo(f"run {directory.key}, attempt {number}: {path or 'its log is gone'}", err=True)
    if path:
        for piece in read(directory, number, path, follow):
            click.echo(piece, nl=False)
    failure = directory.failure(number)
    if failure:
        click.echo(without_secrets(failure["traceback"]))  # earlier versions kept them
