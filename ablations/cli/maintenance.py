"""Commands that clear up: `ablate repair` and `ablate gc`. Both tell first, and ask."""

from __future__ import annotations

import sys
from functools import cache, partial
from typing import TYPE_CHECKING

import click

from ablations.cli.options import optional_study_argument

if TYPE_CHECKING:
    from ablations.runs.home import Home

yes_option = click.option("-y", "--yes", is_flag=True, help="Do it without asking.")


@click.command()
@optional_study_argument
@yes_option
@click.pass_obj
def repair(home: Home, study: str | None, yes: bool) -> None:
    """Mend what crashes left behind: lost attempts, damaged and half-made files.

    Of the runs of STUDY, or of all that is in HOME. It lists what it finds, and asks. What is done
    and sound, and what somebody works on, is left alone.
    """
    from ablations.launch.schedulers import queued_launches
    from ablations.maintenance.repair import find_damage
    from ablations.study.plans import plan_of

    home.check()
    ask = cache(partial(queued_launches, home))  # a job that is gone stays gone
    keys = list(plan_of(home, study).runs) if study else None
    found = list(find_damage(home, keys, ask))
    for finding in found:
        click.echo(finding)
    count = sum(finding.mend is not None for finding in found)
    left = f", {len(found) - count} left alone" if len(found) > count else ""
    click.echo(f"{count} to mend{left}" if found else f"nothing to mend in {home.root}")
    if not count or not agreed(yes):
        return
    mended, agreed_on = 0, set(found)
    for finding in find_damage(home, keys, ask):  # a second look: things go on meanwhile
        if finding.mend and finding in agreed_on:
            finding.mend()
            mended += 1
    click.echo(f"{mended} mended")


@click.command()
@click.option("--models", is_flag=True, help="Trained networks of finished runs, too.")
@click.option("--runs", is_flag=True, help="Runs that no study asks for any more, too; see above.")
@click.option("--caches", is_flag=True, help="What runs keep for each other, too; see above.")
@yes_option
@click.pass_obj
def gc(home: Home, models: bool, runs: bool, caches: bool, yes: bool) -> None:
    """Free space: code copies, launches and files of jobs that nobody needs any more.

    It lists what may go, and asks. What a job in a cluster's queue uses stays.

    A finished run stays with every study, variant and search that ever asked for it here: --runs
    offers it only when HOME/studies/STUDY.json is gone. Runs that never finished stay as long as a
    study asks for them as it was last asked.

    With --caches it offers what runs keep for each other, such as answers of teachers and decoded
    images, unless a run is at work: later runs make anew what they need of it.
    """
    from ablations.launch.launches import launches_of
    from ablations.launch.schedulers import queued_launches
    from ablations.maintenance.garbage import find_garbage, in_units, remove, size_of
    from ablations.refused import Refused

    home.check()
    refused = Refused()
    jobs = queued_launches(home) if launches_of(home) else {}
    if jobs is None:
        click.echo(
            "the cluster does not answer: code copies, launches and runs are left alone", err=True
        )
    everything = find_garbage(home, jobs, models, runs, refused, caches)
    found = [one for one in everything if one.paths]
    for one in found:
        click.echo(f"{len(one.paths):6} {in_units(one.bytes):>9}  {one.what}")
    if not found:
        click.echo(f"nothing to free in {home.root}")
    if found and agreed(yes):
        listed, freed = {path for one in found for path in one.paths}, 0
        again = find_garbage(home, jobs, models, runs, caches=caches)
        for one in again:  # a second look: things go on meanwhile
            for path in listed.intersection(one.paths):
                freed += size_of(path)
                remove(home, path)
        click.echo(f"{in_units(freed)} freed")
    refused.check()


def agreed(yes: bool) -> bool:
    """Whether the user wants it done: by `--yes`, or asked on a terminal."""
    if yes:
        return True
    if not sys.stdin.isatty():
        click.echo("nothing is changed: this needs --yes")
        return False
    return click.confirm("Do it?")
