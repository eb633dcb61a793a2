"""The command `ablate status`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ablations.cli.options import json_option, optional_study_argument

if TYPE_CHECKING:
    from ablations.runs.home import Home


@click.command()
@optional_study_argument
@click.option("--watch", is_flag=True, help="Look again every two seconds, until Ctrl-C.")
@json_option
@click.pass_obj
def status(home: Home, study: str | None, watch: bool, as_json: bool) -> None:
    """Show where the runs of a study stand (of all studies without STUDY). Changes nothing."""
    from ablations.errors import UserError
    from ablations.refused import Refused
    from ablations.study.plans import plan_of, plans_of
    from ablations.terminal.display import console
    from ablations.terminal.status import print_json, show

    refused = Refused()
    plans = [plan_of(home, study)] if study else plans_of(home, refused)
    if not plans and not as_json and not refused.errors:
        console.print(f"No study was run in {home.root} yet; start with `ablate run overview`.")
    else:
        damages = print_json(home, plans) if as_json else show(home, plans, watch)
        refused.errors += map(UserError, damages)
    refused.check()
