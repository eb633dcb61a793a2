"""The command `ablate sync`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ablations.cli.options import notify_option, tracking_option

if TYPE_CHECKING:
    from ablations.runs.home import Home


@click.command()
@tracking_option
@click.option("--follow", is_flag=True, help="Go on until every run is done or has failed.")
@click.option("--all", "everything", is_flag=True, help="Look at all runs of the store again.")
@notify_option
@click.pass_obj
def sync(
    home: Home, tracking_uri: str | None, follow: bool, everything: bool, notify: str | None
) -> None:
    """Bring the tracking store up to date with the run directories.

    What was delivered is remembered. --all trusts no memory and looks at every file: for a store
    where somebody deleted runs or files, or that came back from a backup.
    """
    from ablations.errors import UserError
    from ablations.launch.following import follow_runs
    from ablations.terminal.activity import activity
    from ablations.terminal.display import console, warn
    from ablations.terminal.notice import sender
    from ablations.tracking.collector import Collector
    from ablations.uris import without_secrets

    home.check()
    if notify and not follow:
        raise UserError("--notify goes with --follow: it tells when all runs are over")
    send = sender(notify) if notify else None
    uri = tracking_uri or home.tracking_uri
    with activity("opening the tracking store") as show:
        if follow:
            changed, free = follow_runs(home, uri, everything, warn, show)
        else:
            changed, free = Collector(home, uri, tell=show).sync(everything), 0
    if free:
        console.print(f"{free} runs are free and no worker is left; `ablate run` goes on with them")
    if send:
        left = f"; {free} are free and no worker is left" if free else ""
        send(f"the runs of {home.root} are over{left}", {"home": str(home.root), "free": free})
    click.echo(f"{changed} runs brought up to date in {without_secrets(uri)}")
