"""The command line. Heavy imports stay inside the commands, so that `--help` answers at once."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ablations.cli.completion import complete_study
from ablations.cli.control import cancel, cluster, logs, retry
from ablations.cli.maintenance import gc, repair
from ablations.cli.options import (
    cluster_options,
    executor_option,
    plan_options,
    study_argument,
    tracking_option,
)
from ablations.cli.report import report, ui
from ablations.cli.search import search
from ablations.errors import EXIT_FAILED_RUNS, EXIT_INTERRUPTED, EXIT_USER_ERROR, UserError
from ablations.parsing import parse_changes, parse_pairs

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from ablations.runs.home import Home
    from ablations.study.plan import Plan


# what a network file system says that is gone, or just going
GONE = (errno.ENOTCONN, errno.ECONNABORTED, errno.ESTALE, errno.EIO)


class Commands(click.Group):
    """Shows commands in the order in which one uses them, and user errors as one line.

    Other packages add commands by entry points; such a command is imported when it is asked for.
    """

    def list_commands(self, context: click.Context) -> list[str]:
        """In the order of their definition, then those of other packages by name."""
        return [*self.commands, *sorted(set(_added_commands()) - set(self.commands))]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """A command of this file, or one that another package adds."""
        command = super().get_command(context, name)
        if command is None and name in (added := _added_commands()):
            command = added[name].load()
        return command

    def invoke(self, context: click.Context) -> Any:
        """Run a command; a user error is one line and exit code 2."""
        try:
            return super().invoke(context)
        except UserError as error:
            message = str(error)
        except KeyboardInterrupt:  # Ctrl-C ends what goes on until then
            sys.exit(EXIT_INTERRUPTED)
        except BrokenPipeError:  # the reader, such as `head`, has seen enough: click ends quietly
            raise
        except OSError as error:  # a full disk, a directory that cannot be written
            message = f"{error.strerror or error}: {error.filename}"
            if error.errno in GONE:
                message += "; mount that file system again, then repeat the command"
        click.echo(f"ablate: {message}", err=True)
        sys.exit(EXIT_USER_ERROR)


def _added_commands() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group="ablations.commands")}


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="snnet-ablations")
@click.option(
    "--home",
    type=click.Path(file_okay=False, readable=False, path_type=Path),
    envvar="ABLATE_HOME",
    default="outputs",
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

    Exit codes: 0 all right, 1 some runs failed, 2 a mistake in what was asked.
    """
    from ablations.runs.home import Home

    context.obj = Home(home)


@main.command()
def studies() -> None:
    """List the known studies with their questions."""
    from ablations.study.catalogue import load_study, study_names
    from ablations.study.plan import expand
    from ablations.terminal.display import console, simple_table

    table = simple_table("study", "runs", "varies", "question")
    for name in study_names():
        study = load_study(name)[1]
        runs = len(expand(name, study).runs)
        axes = ", ".join(axis.name for axis in study.axes)
        table.add_row(name, str(runs), axes, study.question)
    console.print(table)


@main.command()
@click.argument("study", default="overview", shell_complete=complete_study)
def scales(study: str) -> None:
    """Show the ready-made settings of each scale and family. The first is the default."""
    from ablations.study.catalogue import load_study
    from ablations.terminal.display import console, scales_table

    console.print(scales_table(load_study(study)[1].experiment))


@main.command()
@study_argument
@plan_options
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def plan(home: Home, /, study: str, as_json: bool, **chosen: Any) -> None:
    """Show every run of a study: key, settings, state, expected time. Changes nothing."""
    import json

    from rich.text import Text

    from ablations.launch.launcher import take_snapshot
    from ablations.launch.timing import about, expected_seconds, in_words, wall_seconds
    from ablations.runs.home import State
    from ablations.runs.lease import Observer
    from ablations.terminal.display import COLOURS, console, rows_table

    planned = make_plan(study, **chosen)
    if as_json:
        click.echo(json.dumps(planned.record(), indent=1))
        return
    snapshot = take_snapshot(home, list(planned.runs), Observer())
    seconds = expected_seconds(home, planned)
    baseline = ", ".join(f"{axis}={level}" for axis, level in planned.baseline.items())
    console.print(f"{planned.question}\n\nbaseline: {baseline}\n")
    rows = [
        (
            key,
            run.name(planned.baseline),
            Text(snapshot.runs[key].state, style=COLOURS[snapshot.runs[key].state]),
            in_words(seconds[key]),
        )
        for key, run in planned.runs.items()
    ]
    console.print(rows_table(("key", "run", "state", "expected"), rows))
    left = [seconds[key] for key, run in snapshot.runs.items() if run.state is not State.DONE]
    workers = os.cpu_count() or 1
    console.print(
        f"\n{len(planned.runs)} runs at scale {planned.scale} ({planned.family}), {len(left)} to "
        f"do: {about(wall_seconds(left, workers)) if left else 'no time'} with {workers} workers."
    )


@main.command()
@study_argument
@plan_options
@executor_option
@click.option(
    "--workers",
    type=click.IntRange(1),
    help="Runs at once.  [default: one a core, or 32 with slurm]",
)
@cluster_options
@tracking_option
@click.pass_obj
def run(
    home: Home,
    /,
    study: str,
    cluster: str,
    workers: int | None,
    pack: int | None,
    profile: Path | None,
    resources: tuple[str, ...],
    sync: str,
    dry_run: bool,
    tracking_uri: str | None,
    **chosen: Any,
) -> None:
    """Do the runs of a study that are not done yet, and track them in MLflow.

    \b
      ablate run overview                          all of it
      ablate run overview --seeds 3                three replicates of each
      ablate run overview --set epochs=5,10        other levels for one axis
      ablate run overview --set tuning=stitching_layers
      ablate run overview --cluster slurm          submit an array of workers, and return
    """
    planned = make_plan(study, **chosen)
    if cluster == "slurm":
        from ablations.launch.slurm.resources import read_profile
        from ablations.launch.slurm.submission import Array, submit_study

        asked = read_profile(profile, parse_pairs("--resource", resources))
        array = Array(workers or Array.workers, pack, sync == "after")
        submit_study(home, planned, study, asked, array, tracking_uri, dry_run)
        return
    if pack or profile or resources or dry_run or sync != "no":
        raise UserError(
            "--pack, --profile, --resource, --sync and --dry-run go with --cluster slurm"
        )
    from ablations.launch.session import run_study

    state = run_study(home, planned, study, workers or os.cpu_count() or 1, tracking_uri)
    sys.exit(EXIT_FAILED_RUNS if state.failed else 0)


@main.command()
@click.argument("study", required=False, shell_complete=complete_study)
@click.option("--watch", is_flag=True, help="Look again every two seconds, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def status(home: Home, study: str | None, watch: bool, as_json: bool) -> None:
    """Show where the runs of a study stand (of all studies without STUDY). Changes nothing."""
    from ablations.terminal.display import console
    from ablations.terminal.status import print_json, show

    plans = [home.plan(Path(study).stem)] if study else home.plans()
    if as_json:
        print_json(home, plans)
    elif not plans:
        console.print(f"No study was run in {home.root} yet; start with `ablate run overview`.")
    else:
        show(home, plans, watch)


for command in (search, report, ui, logs, retry, cancel, repair, gc, cluster):
    main.add_command(command)


@main.command()
@tracking_option
@click.option("--follow", is_flag=True, help="Go on until every run is done or has failed.")
@click.option("--all", "everything", is_flag=True, help="Look at all runs of the store again.")
@click.pass_obj
def sync(home: Home, tracking_uri: str | None, follow: bool, everything: bool) -> None:
    """Bring the tracking store up to date with the run directories.

    What was delivered is remembered. --all trusts no memory: for a store where somebody deleted
    runs, or that came back from a backup.
    """
    from ablations.launch.session import follow_runs
    from ablations.tracking.collector import Collector

    if not home.root.is_dir():
        raise UserError(f"there is no {home.root}; run a study first, or name its --home")
    uri = tracking_uri or home.tracking_uri
    if follow:
        changed = follow_runs(home, uri, everything)
    else:
        changed = Collector(home, uri).sync(everything)
    click.echo(f"{changed} runs brought up to date in {uri}")


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    \b
      bash:  eval "$(ablate completion bash)"     in ~/.bashrc
      zsh:   eval "$(ablate completion zsh)"      in ~/.zshrc
      fish:  ablate completion fish > ~/.config/fish/completions/ablate.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(main, {}, "ablate", "_ABLATE_COMPLETE").source())


def make_plan(
    study: str,
    scale: str | None,
    family: str | None,
    seeds: int | None,
    changes: tuple[str, ...],
) -> Plan:
    """The plan that the command line asks for."""
    from ablations.study.catalogue import load_study
    from ablations.study.plan import expand

    name, found = load_study(study)
    return expand(name, found, scale, family, seeds, parse_changes(changes))
