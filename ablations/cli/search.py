"""The command `ablate search`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ablations.cli.completion import complete_setting
from ablations.cli.options import (
    executor_option,
    plan_options,
    profile_option,
    resource_option,
    study_argument,
    tracking_option,
)
from ablations.errors import EXIT_FAILED_RUNS, UserError
from ablations.parsing import parse_pairs

if TYPE_CHECKING:
    from ablations.launch.launcher import Launcher
    from ablations.runs.home import Home
    from ablations.study.plan import Plan

SLURM_WORKERS = 8  # more at once, and few proposals would know of the others' results


@click.command()
@study_argument
@click.option("--trials", type=click.IntRange(1), help="In all, earlier ones included.")
@click.option(
    "--objective",
    default="auc",
    show_default=True,
    help="What to look for on validation images: auc, top1@MACS (such as top1@2M), or pareto.",
)
@click.option(
    "--over",
    multiple=True,
    metavar="SETTING=LOW:HIGH[:log]",
    shell_complete=complete_setting,
    help="A range to choose from, beside the levels of the axes. Repeatable.",
)
@plan_options
@click.option(
    "--prune",
    type=click.Choice(["no", "seeds", "curves", "both"]),
    help="What ends a bad trial early, see below.  [default: seeds, from 5 seeds on]",
)
@click.option("--sampler-seed", default=0, show_default=True, help="Of what is proposed.")
@click.option("--name", help="Of the search.  [default: STUDY-search]")
@click.option("--show", is_flag=True, help="Only show what was found so far.")
@executor_option
@click.option(
    "--workers",
    type=click.IntRange(1),
    help="Runs at once.  [default: one a core, or 8 with slurm]",
)
@resource_option
@profile_option
@tracking_option
@click.pass_obj
def search(
    home: Home,
    /,
    study: str,
    trials: int | None,
    name: str | None,
    show: bool,
    cluster: str,
    workers: int | None,
    profile: Path | None,
    resources: tuple[str, ...],
    tracking_uri: str | None,
    sampler_seed: int,
    **chosen: Any,
) -> None:
    """Let Optuna choose settings: a level of every axis of a study, and numbers in ranges.

    \b
      ablate search overview --trials 40
      ablate search overview --trials 40 --over learning_rate=1e-5:1e-3:log
      ablate search overview --trials 40 --objective top1@2M     best within a budget
      ablate search overview --show                              what it found so far

    The baseline comes first, then what TPE proposes, never the same twice. Runs are those
    of `ablate run`: what is done already is not done again. The same command goes on after
    Ctrl-C or a crash, and a larger --trials adds to what is there.

    \b
    Objectives of stitching, all on images that are held back for choosing:
      auc        mean of the best top-1 within a budget, over budgets between the anchors
      top1@MACS  best top-1 of sub-networks with at most so many MACs
      pareto     auc against passes, the sub-networks trained times steps: more accuracy
                 for less training (no pruning)

    \b
    A trial's value is the mean over --seeds. It ends early with
      --prune seeds   when a Wilcoxon test over seeds, done one after the other, calls it worse
                      than the best one (p < 0.1): needs 4 seeds, so saves something from 5 on
      --prune curves  when its first run, at 10, 25 or 50 % of its training, lags behind the
                      median of the trials that were done (from the sixth trial on)

    With --cluster slurm it submits a job for what is due and stays, to tell and to ask; when
    it ends early, jobs go on, and so does the same command.
    """
    from ablations.search.journal import Journal
    from ablations.search.question import Asked, make_question
    from ablations.search.sitting import check_name, run_search
    from ablations.search.trials import Sitting
    from ablations.study.catalogue import study_names

    name = name or f"{Path(study).stem}-search"
    check_name(home, name, study_names())
    if show:
        from ablations.search.findings import show_findings

        journal = Journal(home.journal(name))
        show_findings(home, make_question(study, name, Asked(**journal.options)), journal)
        return
    if trials is None:
        raise UserError("say how far to go on: --trials N, or --show what was found so far")
    question = make_question(study, name, Asked(**chosen))
    at_once = workers or (SLURM_WORKERS if cluster == "slurm" else os.cpu_count() or 1)
    make_launcher = _launchers(home, study, at_once, cluster, profile, resources)
    sitting = Sitting(trials, at_once, sampler_seed)
    failed = run_search(home, question, sitting, make_launcher, tracking_uri)
    sys.exit(EXIT_FAILED_RUNS if failed else 0)


def _launchers(
    home: Home,
    study: str,
    workers: int,
    cluster: str,
    profile: Path | None,
    resources: tuple[str, ...],
) -> Callable[[Plan], Launcher]:
    """What makes a launcher for a plan.

    Raises:
        UserError: there is no such cluster, or the profile is wrong.
    """
    from ablations.launch.launcher import Launcher
    from ablations.runs.provenance import code_provenance

    if cluster == "slurm":
        from ablations.launch.slurm.resources import read_profile
        from ablations.launch.slurm.scheduler import Cluster
        from ablations.launch.slurm.submission import ClusterLauncher

        asked, queue = read_profile(profile, parse_pairs("--resource", resources)), Cluster(home)
        return lambda plan: ClusterLauncher(
            home, plan, study, workers, code_provenance(), asked, queue
        )
    if profile or resources:
        raise UserError("--profile and --resource go with --cluster slurm")
    return lambda plan: Launcher(home, plan, study, workers, code_provenance())
