"""The command `ablate ui`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ablations.cli.options import optional_study_argument, tracking_option
from ablations.errors import UserError, nearest
from ablations.tracking.ui import DEFAULT_PORT

if TYPE_CHECKING:
    from ablations.runs.home import Home


@click.command()
@optional_study_argument
@tracking_option
@click.option("--port", type=click.IntRange(1, 65535), default=DEFAULT_PORT, show_default=True)
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="0.0.0.0: for other machines, too."
)
@click.option(
    "--allowed-host",
    "names",
    multiple=True,
    metavar="NAME",
    help="Another name by which browsers reach it, such as a proxy's. Repeatable.",
)
@click.option("--open", "show", is_flag=True, help="Open the first view in a browser.")
@click.pass_obj
def ui(
    home: Home,
    study: str | None,
    tracking_uri: str | None,
    port: int,
    host: str,
    names: tuple[str, ...],
    show: bool,
) -> None:
    """Serve the MLflow UI and print links to prepared views of STUDY, or of every study.

    \b
      ablate ui                    links to all views
      ablate ui windows --open     the settings of one study in the browser
      ablate ui --host 0.0.0.0     for browsers on other machines; whoever reaches it can change it

    A store that you may only read is shown as a copy.
    """
    from ablations.study.catalogue import name_of
    from ablations.tracking.store import writable
    from ablations.tracking.ui import Address, serve
    from ablations.tracking.views import prepare_views

    address = Address(host, port, names)
    given = tracking_uri or home.tracking_uri
    with writable(given) as uri:
        views = list(prepare_views(uri))
        name = study and name_of(study)
        chosen = [view for view in views if name in (None, view.study)]
        if name and not chosen:
            known = dict.fromkeys(view.study for view in views)
            hint = nearest(name, known) if known else "no study is tracked there yet"
            raise UserError(f"study {name!r} is not tracked in {given}: {hint}")
        serve(home, uri, address, chosen, show, copied=uri != given)
