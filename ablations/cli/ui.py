"""The command `ablate ui`."""

from __future__ import annotations

from pathlib import Path
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
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--open", "show", is_flag=True, help="Open the first view in a browser.")
@click.pass_obj
def ui(
    home: Home, study: str | None, tracking_uri: str | None, port: int, host: str, show: bool
) -> None:
    """Serve the MLflow UI and print links to prepared views of STUDY, or of every study.

    \b
      ablate ui                    links to all views
      ablate ui windows --open     the runs of one study, seed by seed, in the browser
    """
    from ablations.tracking.ui import serve
    from ablations.tracking.views import prepare_views

    uri = tracking_uri or home.tracking_uri
    views = list(prepare_views(uri))
    known = dict.fromkeys(view.study for view in views)
    name = Path(study).stem if study else None
    if name and name not in known:
        hint = nearest(name, known) if known else "no study is tracked there yet"
        raise UserError(f"study {name!r} is not tracked in {uri}: {hint}")
    serve(home, uri, host, port, [view for view in views if name in (None, view.study)], show)
