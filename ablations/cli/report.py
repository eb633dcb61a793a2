"""Commands that show what came out: `ablate report` and `ablate ui`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ablations.cli.completion import complete_study
from ablations.cli.options import DEFAULT_PORT, tracking_option
from ablations.errors import UserError, nearest

if TYPE_CHECKING:
    from ablations.runs.home import Home


@click.command()
@click.argument("study", required=False, shell_complete=complete_study)
@click.option("--all", "everything", is_flag=True, help="All studies, and a page of verdicts.")
@click.option("--published", is_flag=True, help="What the paper's authors released; needs no run.")
@click.option("--figure", metavar="NAME", help="Only this figure, such as accuracy or heatmap.")
@click.option("--axis", help="With --figure: of this axis.  [default: each]")
@click.option(
    "--format",
    "ending",
    type=click.Choice(["pdf", "png", "svg", "csv", "md", "tex"]),
    default="pdf",
    show_default=True,
    help="With --figure and --published; the last three are tables of the data that they show.",
)
@click.option(
    "--ui",
    metavar="URL",
    help="MLflow UI that links on pages lead to.  [default: the server, or where `ablate ui` is]",
)
@tracking_option
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="[default: HOME/reports/STUDY, or HOME/reports with --all]",
)
@click.pass_obj
def report(
    home: Home,
    study: str | None,
    everything: bool,
    published: bool,
    figure: str | None,
    axis: str | None,
    ending: str,
    ui: str | None,
    tracking_uri: str | None,
    output: Path | None,
) -> None:
    """Draw figures, tables and index.html of a study, from the tracking store alone.

    \b
      ablate report overview                                  the page with everything
      ablate report overview --figure accuracy --axis init    one figure
      ablate report --all                                     verdicts on the claims of all studies
      ablate report --published --format png                  the authors' own points, by family
    """
    from importlib.metadata import entry_points

    if sum((everything, published, bool(study))) != 1:
        raise UserError("name a study, or ask for --all of them, or for what is --published")
    if (figure and not study) or (axis and not figure):
        raise UserError("--figure goes with a study, and --axis with --figure")
    plugins = [point.load() for point in entry_points(group="ablations.reports")]
    if published:
        for reports in plugins:
            for file in reports.save_published(ending, output or home.reports / "published"):
                click.echo(f"figure: {file}")
        return
    uri = tracking_uri or home.tracking_uri
    if uri == home.tracking_uri and not (home.root / "mlflow.db").exists():
        raise UserError(
            f"nothing is tracked in {home.root}; run `ablate run {study or 'STUDY'}` first"
        )
    for reports in plugins:
        if study:
            name = Path(study).stem if study.endswith(".py") else study
            target = output or home.report(name)
            if figure:
                pages = reports.save_figure(uri, name, figure, axis, ending, target)
            else:
                pages = [reports.build_report(uri, name, target, ui)]
        else:
            pages = [reports.build_all(uri, output or home.reports, ui)]
        for page in pages:
            click.echo(f"report: {page}")
    click.echo(f"tracking store: {uri}")


@click.command()
@click.argument("study", required=False, shell_complete=complete_study)
@tracking_option
@click.option("--port", type=click.IntRange(1, 65535), default=DEFAULT_PORT, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--open", "opening", is_flag=True, help="Open the first view in a browser.")
@click.pass_obj
def ui(
    home: Home, study: str | None, tracking_uri: str | None, port: int, host: str, opening: bool
) -> None:
    """Serve the MLflow UI and print links to prepared views of STUDY, or of every study.

    \b
      ablate ui                    links to all views
      ablate ui windows --open     the runs of one study, seed by seed, in the browser
    """
    from ablations.tracking.ui import prepare_views, serve

    uri = tracking_uri or home.tracking_uri
    views = list(prepare_views(uri))
    known = dict.fromkeys(name for name, *_ in views)
    name = Path(study).stem if study else None
    if name and name not in known:
        hint = nearest(name, known) if known else "no study is tracked there yet"
        raise UserError(f"study {name!r} is not tracked in {uri}: {hint}")
    serve(home, uri, host, port, [view for view in views if name in (None, view[0])], opening)
