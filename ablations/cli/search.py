"""The command `ablate search`."""

from __future__ import annotations

import re
import sys
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import click

from ablations.cli.completion import complete_setting
from ablations.cli.options import (
    Chosen,
    Limited,
    Where,
    chosen_options,
    gathered,
    limit_options,
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
    from ablations.launch.scheduler import Scheduler
    from ablations.runs.home import Home
    from ablations.search.question import Asked, Pruning
    from ablations.study.expansion import Expansion

CLUSTER_WORKERS = 8  # with more side by side few proposals would know of the others' results


class SearchCommand(click.Command):
    """Lists in its help what the known experiments can be searched for."""

    def format_epilog(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the objectives and the metrics with a goal, experiment by experiment."""
        from ablations.study.catalogue import known_experiments
        from ablations.study.objective import PREFIXES, usage

        for name, experiment in known_experiments().items():
            rows = [(usage(key, one), one.words) for key, one in experiment.objectives.items()]
            rows += [
                (f"{PREFIXES[metric.goal]}:{metric.name}", metric.label)
                for metric in experiment.metrics
                if metric.goal
            ]
            if rows:
                with formatter.section(f"Objectives of {name}"):
                    formatter.write_dl(rows)


@dataclass(frozen=True)
class Aimed:
    """An objective, ranges, and what ends a trial early."""

    objective: str | None
    over: tuple[str, ...]
    prune: Pruning | None

    def asked(self, chosen: Chosen) -> Asked:
        """Add the settings that are chosen; the journal keeps this."""
        from ablations.search.question import Asked

        return Asked(self.objective, self.over, prune=self.prune, **asdict(chosen))


aimed_options = gathered(
    Aimed,
    "aimed",
    click.option(
        "--objective",
        metavar="max:METRIC|min:METRIC|NAME",
        help="What to look for: a metric that runs return, as high or as low as can be, or one of "
        "those below by its name. Two with a comma between them: what trades the one for the "
        "other.  [default: the first that the experiment names]",
    ),
    click.option(
        "--over",
        multiple=True,
        metavar="SETTING=LOW:HIGH[:log]",
        shell_complete=complete_setting,
        help="A range to choose from, beside the levels of the axes. Repeatable.",
    ),
    click.option(
        "--prune",
        type=click.Choice(["no", "seeds", "curves", "both"]),
        help="What ends a bad trial early, see above.  [default: seeds, from 5 seeds on]",
    ),
)
where_options = gathered(
    Where,
    "where",
    scheduler_option,
    workers_option("one a GPU, without GPUs one a core; 8 with slurm"),
    per_gpu_option,
    resource_option,
    profile_option,
)


@dataclass(frozen=True)
class Extent:
    """How far a search goes on, and as which."""

    trials: int | None
    sampler_seed: int
    name: str | None
    show: bool


extent_options = gathered(
    Extent,
    "extent",
    click.option(
        "--trials", type=click.IntRange(1, MOST_RUNS), help="In all, earlier ones included."
    ),
    click.option("--sampler-seed", default=0, show_default=True, help="Of what is proposed."),
    click.option("--name", help="Of the search.  [default: STUDY-search]"),
    click.option("--show", is_flag=True, help="Only show what was found so far."),
)


@click.command(cls=SearchCommand)
@study_argument
@extent_options
@aimed_options
@chosen_options
@where_options
@limit_options
@system_metrics_option
@tracking_option
@click.pass_obj
def search(
    home: Home,
    /,
    study: str,
    extent: Extent,
    aimed: Aimed,
    chosen: Chosen,
    where: Where,
    limited: Limited,
    tracking_uri: str | None,
) -> None:
    """Let Optuna choose settings: a level of every axis of a study, and numbers in ranges.

    \b
      ablate search overview --trials 40
      ablate search overview --trials 40 --over learning_rate=1e-5:1e-3:log
      ablate search overview --trials 40 --objective top1@2M     best within a budget
      ablate search forest.py --trials 40 --objective max:accuracy      of any experiment
      ablate search forest.py --trials 40 --objective max:accuracy,min:seconds
      ablate search overview --show                              what it found so far

    The baseline comes first, then what TPE proposes, never the same twice. Runs are those
    of `ablate run`: what is done already is not done again. The same command goes on after
    Ctrl-C or a crash, and a larger --trials adds to what is there.

    \b
    A trial's value is the mean over --seeds. It ends early with
      --prune seeds   when a Wilcoxon test over seeds, done one after the other, calls it worse
                      than the best one (p < 0.1): needs 4 seeds, so saves something from 5 on
      --prune curves  when its first run lags, while it trains, behind the median of the trials
                      that were done (from the sixth trial on); of a metric where runs log one of
                      the same name

    With --cluster slurm it submits a job for what is due and stays, to tell and to ask; when
    it ends early, jobs go on, and so does the same command.
    """
    from ablations.launch.code_copy import launch_provenance
    from ablations.launch.launcher import Launcher
    from ablations.search.journal import Journal
    from ablations.search.question import asked_before, make_question
    from ablations.search.sitting import check_search_name, run_search
    from ablations.search.trials import Sitting
    from ablations.study.catalogue import load_study, name_of, study_names

    name = extent.name or re.sub(r"[^\w-]", "-", f"{name_of(study)}-search")
    check_search_name(home, name, study_names())
    if extent.show:
        from ablations.search.findings import show_findings

        journal = Journal(home.journal(name))
        question = make_question(home, study, name, asked_before(journal))
        journal.check_choices(question.record())
        show_findings(home, question, journal)
        return
    if extent.trials is None:
        raise UserError("say how far to go on: --trials N, or --show what was found so far")
    question = make_question(home, study, name, aimed.asked(chosen))
    question.check_size(extent.trials)
    uri = tracking_uri or home.tracking_uri
    scheduler = _scheduler(home, where)
    limits = limited.over(load_study(study)[1].limits)
    sitting = Sitting(extent.trials, scheduler.workers, extent.sampler_seed)

    def begin(expansion: Expansion) -> Launcher:
        expansion = replace(expansion, limits=limits)
        provenance = launch_provenance(study, expansion)
        return Launcher(home, study, expansion, scheduler, provenance, uri, grows=True)

    well = run_search(home, question, sitting, begin, uri)
    sys.exit(0 if well else EXIT_FAILED_RUNS)


def _scheduler(home: Home, where: Where) -> Scheduler:
    from ablations.launch.schedulers import make_scheduler, scheduler_class

    options = where.options()
    if scheduler_class(where.cluster).detached:
        options = replace(options, workers=options.workers or CLUSTER_WORKERS)
    return make_scheduler(where.cluster, home, options)
