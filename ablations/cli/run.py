"""The command `ablate run`."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from ablations.cli.options import (
    Chosen,
    Limited,
    Where,
    accept_old_code_option,
    chosen_options,
    gathered,
    limit_options,
    name_option,
    notify_option,
    per_gpu_option,
    profile_option,
    resource_option,
    scheduler_option,
    study_argument,
    system_metrics_option,
    tracking_option,
    workers_option,
)
from ablations.errors import EXIT_FAILED_RUNS, UserError
from ablations.study.limits import MOST_RUNS

if TYPE_CHECKING:
    from ablations.launch.launcher import Launcher
    from ablations.launch.scheduler import Scheduler
    from ablations.runs.home import Home

where_options = gathered(
    Where,
    "where",
    scheduler_option,
    workers_option("one a GPU, without GPUs one a core; 32 with slurm"),
    per_gpu_option,
    click.option(
        "--pack",
        type=click.IntRange(1, MOST_RUNS),
        help="slurm: runs that a job does.  [default: any number]",
    ),
    profile_option,
    resource_option,
    click.option(
        "--sync",
        type=click.Choice(["no", "after"]),
        default="no",
        show_default=True,
        help="slurm: whether a last job brings MLflow up to date.",
    ),
)


@click.command()
@study_argument
@chosen_options
@name_option
@where_options
@limit_options
@accept_old_code_option
@notify_option
@system_metrics_option
@click.option("--dry-run", is_flag=True, help="Print what would be started, touch nothing.")
@tracking_option
@click.pass_obj
def run(
    home: Home,
    /,
    study: str,
    chosen: Chosen,
    name: str | None,
    where: Where,
    limited: Limited,
    accept_old_code: bool,
    notify: str | None,
    dry_run: bool,
    tracking_uri: str | None,
) -> None:
    """Do the runs of a study that are not done yet, and track them in MLflow.

    \b
      ablate run overview                          all of it
      ablate run overview --seeds 3                three replicates of each
      ablate run overview --set epochs=5,10        other levels for one axis: a variant, beside it
      ablate run overview --set tuning=stitching_layers
      ablate run overview --cluster slurm          submit an array of workers, and return
      ablate run overview --notify notify-send     and tell when it is over
    """
    from ablations.launch.code_copy import launch_provenance
    from ablations.launch.launcher import Launcher
    from ablations.launch.schedulers import make_scheduler
    from ablations.study.earlier import accepting, earlier_runs
    from ablations.terminal.activity import activity
    from ablations.terminal.display import interruptible, warn
    from ablations.terminal.launching import prepare, watch
    from ablations.terminal.notice import sender, telling_the_end
    from ablations.terminal.outcome import earlier_code
    from ablations.tracking.store import check_uri

    uri = tracking_uri or home.tracking_uri
    send = sender(notify) if notify else None
    with activity(f"planning {study}") as doing:
        expansion = chosen.expand(home, study, name)
        variant = expansion.plan.variant
        study, called = variant.study if variant else study, expansion.plan.study
        check_uri(uri)
        scheduler = make_scheduler(where.cluster, home, where.options())
        if notify and scheduler.detached:
            raise UserError(
                "--notify goes with a command that stays: here `ablate sync --follow --notify ...` "
                "tells when all runs are over"
            )
        expansion = replace(expansion, limits=limited.over(expansion.limits))
        doing(f"looking at the {len(expansion.configs)} runs of {called}")
        earlier = earlier_runs(home, expansion)
        if accept_old_code:
            expansion = accepting(expansion, earlier)
        provenance = launch_provenance(study, expansion)
        launcher = Launcher(home, study, expansion, scheduler, provenance, uri, warn)
        if dry_run:
            script = launcher.script()
            click.echo(script or f"no run of {called} is due: nothing to start\n", nl=False)
            return
        if earlier:
            warn(earlier_code(len(earlier), study, accept_old_code))
        prepare(home, expansion)
    if scheduler.detached:
        _submit(home, launcher, scheduler, uri)
    else:
        with telling_the_end(send, called) as tell:
            begun = time.monotonic()
            snapshot, well = watch(home, launcher, uri, interruptible)
            tell(snapshot, time.monotonic() - begun)
        sys.exit(0 if well else EXIT_FAILED_RUNS)


def _submit(home: Home, launcher: Launcher, scheduler: Scheduler, uri: str) -> None:
    """Submit workers for what is due, tell of it, and leave."""
    from ablations.terminal.activity import activity
    from ablations.terminal.display import console
    from ablations.terminal.outcome import tell_variant
    from ablations.terminal.queue import waiting_workers
    from ablations.tracking.store import connect

    plan = launcher.work.expansion.plan
    if scheduler.options.sync:  # a job of this launch needs it, where it perhaps cannot be made
        connect(uri, create=True)
    with activity(f"submitting workers for {plan.study}"):
        submission = launcher.submit()
    queued = [job for job in submission.jobs if job.can_work]
    console.print(
        f"{plan.study} at scale {plan.scale} ({plan.family}): {len(plan.runs)} runs, "
        f"{submission.due} due; {len(queued)} workers in the queue, "
        f"{sum(one.workers for one in submission.submitted)} more wanted"
    )
    tell_variant(plan)
    for one in submission.submitted:
        text = f"submitted {one.workers} workers for {one.runs} runs {one.detail}"
        console.print(text, soft_wrap=True)
    for line in waiting_workers(submission.jobs):
        console.print(line, soft_wrap=True)
    _tell_of_others(home, launcher, {job.launch for job in queued})
    console.print(
        f"`ablate status {plan.study}` shows how far they are, `ablate sync` brings MLflow up to "
        f"date, `ablate cancel {plan.study}` ends them"
    )
    if submission.due:
        _make_store(uri)


def _make_store(uri: str) -> None:
    """Make a store that is a file and not there yet, while somebody looks on."""
    from ablations.terminal.activity import activity
    from ablations.terminal.display import warn
    from ablations.tracking.store import connect
    from ablations.uris import sqlite_path

    path = sqlite_path(uri)
    if path is None or path.exists():  # to look into it takes seconds, and workers do not need it
        return
    try:
        with activity("making the tracking store"):
            connect(uri, create=True)
    except UserError as error:
        warn(f"{error}; the workers go on, `ablate sync` delivers later")


def _tell_of_others(home: Home, launcher: Launcher, queued: set[str]) -> None:
    """Runs that the study asked for earlier are neither cancelled nor done silently."""
    from ablations.launch.launches import launches_of
    from ablations.terminal.display import console

    plan = launcher.work.expansion.plan
    launches = [one for one in launches_of(home, plan.study) if one.name in queued]
    others: set[str] = set().union(*(launch.keys for launch in launches)) - plan.runs.keys()
    left = [key for key in others if not home.run(key).is_done]
    if left:
        console.print(
            f"workers in the queue also do {len(left)} runs that {plan.study} asked for earlier "
            "and does not now; `ablate cancel KEY` ends such a run",
            soft_wrap=True,
        )
