"""The command `ablate`. Heavy imports stay inside the commands: `--help` answers quickly."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ablations.cli.cluster import cluster
from ablations.cli.completion import completion
from ablations.cli.control import cancel, retry
from ablations.cli.logs import logs
from ablations.cli.maintenance import gc, repair
from ablations.cli.options import Place
from ablations.cli.plan import plan, scales, studies
from ablations.cli.report import report
from ablations.cli.run import run
from ablations.cli.search import search
from ablations.cli.status import status
from ablations.cli.sync import sync
from ablations.cli.ui import ui
from ablations.errors import EXIT_INTERRUPTED, EXIT_USER_ERROR, UserError, in_one_line
from ablations.file_system import words_of
from ablations.runs.home import DEFAULT_HOME, HOME_VARIABLE, Home

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


class Commands(click.Group):
    """Shows commands in the order in which one uses them, and user errors as one line.

    Other packages add commands by entry points; such a command is imported when it is asked for.
    """

    def list_commands(self, context: click.Context) -> list[str]:
        """List commands in the order of their definition, then those of other packages by name."""
        return [*self.commands, *sorted(set(_added_commands()) - set(self.commands))]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """One of the commands here, or one that another package adds."""
        command = super().get_command(context, name)
        if command is None and name in (added := _added_commands()):
            command = added[name].load()
        return command

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run as a program, whose output may be closed."""
        _open_streams()
        return super().main(*arguments, **options)

    def make_context(self, info_name: str | None, *arguments: Any, **options: Any) -> click.Context:
        """Read the options before the command; a mistake in them is one line, too."""
        try:
            return super().make_context(info_name, *arguments, **options)
        except click.exceptions.NoArgsIsHelpError:  # click shows the help
            raise
        except click.UsageError as error:
            _refuse(_usage(error, info_name or ""))
        except KeyboardInterrupt:
            sys.exit(EXIT_INTERRUPTED)

    def invoke(self, context: click.Context) -> Any:
        """Run a command; a user error is one line and exit code 2."""
        try:
            return super().invoke(context)
        except click.exceptions.NoArgsIsHelpError:  # click shows the help
            raise
        except click.UsageError as error:
            message = _usage(error, context.command_path)
        except UserError as error:
            message = str(error)
        except KeyboardInterrupt:  # Ctrl-C ends what goes on until then
            sys.exit(EXIT_INTERRUPTED)
        except BrokenPipeError:  # the reader, such as `head`, has seen enough: click ends quietly
            raise
        except OSError as error:  # a full disk, a directory that cannot be written
            message = words_of(error)
        return _refuse(message)


def _usage(error: click.UsageError, command: str) -> str:
    path = error.ctx.command_path if error.ctx else command
    return f"{error.format_message().rstrip('.')}; `{path} --help` tells more"


def _refuse(message: str) -> NoReturn:
    click.echo(f"ablate: {in_one_line(message)}", err=True)
    sys.exit(EXIT_USER_ERROR)


def _open_streams() -> None:
    """Let streams that are closed (`>&-`) lead nowhere; files would get their numbers otherwise."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            # the lowest number that is free: that of the stream
            descriptor = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(descriptor, "r" if name == "stdin" else "w"))


def _added_commands() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group="ablations.commands")}


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="snnet-ablations")
@click.option(
    "--home",
    type=Place(file_okay=False, readable=False, path_type=Path),
    envvar=HOME_VARIABLE,
    default=DEFAULT_HOME,
    show_default=True,
    help="Directory of runs, cache, reports and the default tracking store.",
)
@click.pass_context
def main(context: click.Context, home: Path) -> None:
    """Ablation studies of Stitchable Neural Networks (SN-Net).

    \b
    A first tour:
      ablate studies                what can be asked
      ablate plan overview          which runs that means, and how long they take
      ablate run overview           train what is missing, with live progress
      ablate search overview        let Optuna choose settings
      ablate report overview        figures, tables and a page from the tracked runs
      ablate ui                     the runs in the MLflow UI

    STUDY is a name from `ablate studies` or the path of your own study file.
    Asking the same question again trains nothing; after Ctrl-C or a crash the same
    command goes on. Shell completion: `ablate completion --help`.

    Exit codes: 0 all well, 1 some runs failed or are not tracked, 2 a mistake in what was asked.
    """
    context.obj = Home(home)


for command in (
    *(studies, scales, plan, run, status, search, report, ui),
    *(logs, retry, cancel, repair, gc, cluster, sync, completion),
):
    main.add_command(command)
