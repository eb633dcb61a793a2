"""What a search found: the best settings, which axes matter, and what to run next."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import TYPE_CHECKING, Any

from ablations.display import console, simple_table
from ablations.errors import UserError
from ablations.home import Home
from ablations.search.journal import KEYS, Journal
from ablations.search.question import Question

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial
    from rich.table import Table

SHOWN = 10
FEWEST = 4  # trials that can tell anything about importance


def show_findings(home: Home, question: Question, journal: Journal) -> None:
    """Print all that a search found."""
    from optuna.trial import TrialState

    trials, done = journal.trials, journal.done
    counts = {state: sum(trial.state is state for trial in trials) for state in TrialState}
    told = [f"{count} {state.name.lower()}" for state, count in counts.items() if count]
    console.print(f"\n{question.name}: {len(trials)} trials ({', '.join(told) or 'none yet'})")
    if not done:
        return
    several = len(question.aim.names) > 1
    sign = -1 if question.aim.goals[0] == "maximize" else 1
    ranked = sorted(
        journal.best if several else done, key=lambda trial: (sign * trial.values[0], trial.number)
    )
    console.print("\ntrials that no other beats:" if several else "\nbest trials:")
    console.print(_trials_table(question, ranked[:SHOWN]))
    _show_importance(home, question, done)
    console.print("\nthe first of these settings again, done already, or with more --seeds:")
    first = question.space.arguments(ranked[0].params)
    console.print(f"  {question.again} {first}", soft_wrap=True)
    console.print("all trials in the browser (pip install optuna-dashboard):")
    console.print(f"  optuna-dashboard {home.journal(question.name)}", soft_wrap=True)


def _trials_table(question: Question, trials: list[FrozenTrial]) -> Table:
    table = simple_table("trial", *question.aim.names, "setting", "run")
    for trial in trials:
        values = [f"{value:.4g}" for value in trial.values]
        key = trial.user_attrs[KEYS][0]
        table.add_row(str(trial.number), *values, _brief(trial.params, question), key)
    return table


def _brief(values: Mapping[str, Any], question: Question) -> str:
    """What differs from the baseline."""
    baseline = question.space.baseline
    changes = [f"{name}={value}" for name, value in values.items() if value != baseline[name]]
    return ", ".join(changes) or "baseline"


def _show_importance(home: Home, question: Question, done: list[FrozenTrial]) -> None:
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    study, added = _with_grid(home, question, done)
    if len(study.trials) < FEWEST or len({trial.values[0] for trial in study.trials}) == 1:
        return
    evaluator = FanovaImportanceEvaluator(seed=0)
    found = get_param_importances(study, evaluator=evaluator, target=lambda trial: trial.values[0])
    source = f"{len(done)} trials" + (f" and {added} settings of grids" if added else "")
    name = question.aim.names[0]
    console.print(f"\nwhat matters for {name}, by {source}:")
    table = simple_table("setting", "importance")
    for setting, share in sorted(found.items(), key=lambda item: (-item[1], item[0])):
        table.add_row(setting, f"{share:.0%}")
    console.print(table)


def _with_grid(home: Home, question: Question, done: list[FrozenTrial]) -> tuple[Study, int]:
    """A study of these trials, and of what grids did in this space; how many the latter are."""
    from optuna import create_study
    from optuna.trial import create_trial

    study = create_study(directions=question.aim.goals)
    study.add_trials(done)
    tried = {trial.user_attrs[KEYS][0] for trial in done}
    for values in question.space.grid():
        runs = [home.run(question.space.cell(values, seed).key) for seed in range(question.seeds)]
        if runs[0].key in tried or any(run.result() is None for run in runs):
            continue
        try:
            scores = [question.aim.score(run) for run in runs]
        except UserError:  # of an earlier version, that kept less
            continue
        mean = [fmean(column) for column in zip(*scores, strict=True)]
        space = question.space.distributions
        study.add_trial(create_trial(params=values, distributions=space, values=mean))
    return study, len(study.trials) - len(done)
