"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ablations.cli.completion import (
    complete_family,
    complete_scale,
    complete_setting,
    complete_study,
)

DEFAULT_PORT = 5000  # of the MLflow UI

study_argument = click.argument("study", shell_complete=complete_study)
tracking_option = click.option(
    "--tracking-uri",
    envvar="MLFLOW_TRACKING_URI",
    metavar="URI",
    help="MLflow store or server.  [default: sqlite in HOME]",
)


def plan_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that decide which runs a study has."""
    for option in (
        click.option(
            "--set",
            "changes",
            multiple=True,
            metavar="AXIS=VALUE[,VALUE]",
            shell_complete=complete_setting,
            help="Fix an axis or any other setting, or give it other levels. Repeatable.",
        ),
        click.option("--seeds", type=click.IntRange(1), help="Replicates of every run."),
        click.option(
            "--family",
            shell_complete=complete_family,
            help="Which networks, such as swin; see `ablate scales`.",
        ),
        click.option(
            "--scale",
            shell_complete=complete_scale,
            help="How large: ready-made settings; see `ablate scales`.",
        ),
    ):
        command = option(command)
    return command


profile_option = click.option(
    "--profile",
    type=click.Path(dir_okay=False, path_type=Path),
    help="slurm: what jobs may use.  [default: cluster.toml, if there is one]",
)
executor_option = click.option(
    "--cluster", type=click.Choice(["local", "slurm"]), default="local", show_default=True
)
resource_option = click.option(
    "--resource",
    "resources",
    multiple=True,
    metavar="NAME=VALUE",
    help="slurm: over the profile, such as time=2:00:00. Repeatable.",
)


def cluster_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that go with `--cluster slurm`."""
    for option in (
        click.option(
            "--dry-run", is_flag=True, help="slurm: print the batch script, touch nothing."
        ),
        click.option(
            "--sync",
            type=click.Choice(["no", "after"]),
            default="no",
            show_default=True,
            help="slurm: whether a last job brings MLflow up to date.",
        ),
        resource_option,
        profile_option,
        click.option(
            "--pack", type=click.IntRange(1), help="slurm: runs a job does.  [default: any number]"
        ),
    ):
        command = option(command)
    return command
