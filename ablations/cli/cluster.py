"""The command `ablate cluster check`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ablations.cli.options import profile_option, resource_option
from ablations.errors import EXIT_FAILED_RUNS
from ablations.parsing import parse_pairs

if TYPE_CHECKING:
    from ablations.runs.home import Home


@click.group()
def cluster() -> None:
    """Prepare for `ablate run --cluster slurm`."""


@cluster.command()
@profile_option
@resource_option
@click.option("--scale", default="", help="With the profile's settings of this scale.")
@click.pass_obj
def check(home: Home, profile: Path | None, resources: tuple[str, ...], scale: str) -> None:
    """Submit a small job and tell what works: files, Python, CPUs, GPUs, signals, requeue."""
    from ablations.launch.slurm.probe import check_cluster
    from ablations.launch.slurm.profile import check_scale, read_profile
    from ablations.terminal.display import console

    if scale:
        check_scale(scale, home)
    asked = read_profile(profile, parse_pairs("--resource", resources)).resources(scale, {})
    failed = False
    for finding in check_cluster(home, asked):
        failed |= finding.works is False
        mark = {True: "works", False: "fails", None: "-"}[finding.works]
        console.print(f"{mark:6} {finding.what}: {finding.detail}", soft_wrap=True)
    sys.exit(EXIT_FAILED_RUNS if failed else 0)
