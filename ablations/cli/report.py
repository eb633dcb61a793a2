"""The command `ablate report`."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ablations.cli.options import Place, gathered, optional_study_argument, tracking_option
from ablations.errors import UserError
from ablations.uris import without_secrets

if TYPE_CHECKING:
    from ablations.runs.home import Home


PAGE = "page"


@dataclass(frozen=True)
class Wanted:
    """Drawings that are asked for."""

    everything: bool
    published: bool
    figure: str | None
    axis: str | None
    file_format: str
    width: str

    def check(self, study: str | None) -> None:
        """Refuse what does not go together.

        Raises:
            UserError: says what does.
        """
        if sum((self.everything, self.published, bool(study))) != 1:
            raise UserError("name a study, or ask for --all of them, or for what is --published")
        if (self.figure and not study) or (self.axis and not self.figure):
            raise UserError("--figure goes with a study, and --axis with --figure")
        if self.width != PAGE and not (self.figure or self.published):
            raise UserError("--width goes with --figure and --published")


wanted_options = gathered(
    Wanted,
    "wanted",
    click.option("--all", "everything", is_flag=True, help="All studies, and a page of verdicts."),
    click.option(
        "--published", is_flag=True, help="What the paper's authors released; needs no run."
    ),
    click.option("--figure", metavar="NAME", help="Only this figure, such as accuracy or heatmap."),
    click.option("--axis", help="With --figure: of this axis.  [default: each]"),
    click.option(
        "--format",
        "file_format",
        type=click.Choice(["pdf", "png", "svg", "csv", "md", "tex"]),
        default="pdf",
        show_default=True,
        help="With --figure and --published; the last three are tables of the data that they show.",
    ),
    click.option(
        "--width",
        type=click.Choice([PAGE, "column", "full"]),
        default=PAGE,
        show_default=True,
        help="With --figure and --published: as a report has it, or for a paper of two columns, "
        "over one of them or over both.",
    ),
)


@click.command()
@optional_study_argument
@wanted_options
@click.option(
    "--ui",
    metavar="URL",
    help="MLflow UI that links on pages lead to.  [default: the server, or where `ablate ui` is]",
)
@click.option(
    "--with",
    "own",
    type=Place(path_type=Path),
    multiple=True,
    help="A file, or a folder of files, with a FIGURE or MEASURES of your own.",
)
@tracking_option
@click.option(
    "--output",
    type=Place(file_okay=False, path_type=Path),
    help="[default: HOME/reports/STUDY, or HOME/reports with --all]",
)
@click.pass_obj
def report(
    home: Home,
    study: str | None,
    wanted: Wanted,
    ui: str | None,
    own: tuple[Path, ...],
    tracking_uri: str | None,
    output: Path | None,
) -> None:
    """Draw figures, tables and index.html of a study, from the tracking store alone.

    \b
      ablate report overview                                  the page with everything
      ablate report overview --figure accuracy --axis init    one figure
      ablate report overview --figure effects --width column  as wide as a column of a paper
      ablate report --all                                     verdicts on the claims of all studies
      ablate report --published --format png                  the authors' own points, by family
    """
    from ablations.study.catalogue import name_of
    from ablations.tracking.reports import drawing_plugins, place_elsewhere, store_to_draw
    from ablations.tracking.store import writable

    wanted.check(study)
    output = output or place_elsewhere(home, name_of(study or ""), click.echo)
    plugins = drawing_plugins()
    for plugin in plugins:
        plugin.use(own)
    if wanted.published:
        target = output or home.reports / "published"
        for file in chain(
            *(one.save_published(wanted.file_format, target, wanted.width) for one in plugins)
        ):
            click.echo(f"figure: {file}")
        return
    uri = store_to_draw(home, study, tracking_uri)
    with writable(uri) as store:  # what was moved is found again in a copy, too
        for page in chain(*(_draw(one, home, study, wanted, store, output, ui) for one in plugins)):
            click.echo(f"report: {page}")
    click.echo(f"tracking store: {without_secrets(uri)}")


def _draw(
    plugin: Any,
    home: Home,
    study: str | None,
    wanted: Wanted,
    uri: str,
    output: Path | None,
    ui: str | None,
) -> list[Path]:
    """The page over all studies, that of a study, or some of its figures."""
    from ablations.study.catalogue import name_of

    if study is None:
        return [plugin.build_all(uri, output or home.reports, ui)]
    name = name_of(study)
    target = output or home.report(name)
    if wanted.figure is None:
        return [plugin.build_report(uri, name, target, ui)]
    figures: list[Path] = plugin.save_figure(
        uri, name, wanted.figure, wanted.axis, wanted.file_format, target, wanted.width
    )
    return figures
