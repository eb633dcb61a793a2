"""What a search found: the best settings, which axes matter, and what to run next."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan
from typing import TYPE_CHECKING, Any

from ablations.errors import UserError
from ablations.runs.home import Home
from ablations.search.importance import fewest, importances
from ablations.search.journal import KEYS, Journal
from ablations.search.question import Question
from ablations.search.record import grid_results
from ablations.terminal.display import console, simple_table

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial
    from rich.table import Table

SHOWN = 10


def show_findings(home: Home, question: Question, journal: Journal) -> None:
    """Print all that a search found."""
    from optuna.trial import TrialState

    trials, done = journal.trials, journal.done
    counts = {state: sum(trial.state is state for trial in trials) for state in TrialState}
    told = [f"{count} {state.name.lower()}" for state, count in counts.items() if count]
    console.print(f"\n{question.name}: {len(trials)} trials ({', '.join(told) or 'none yet'})")
    _tell_failures(home, question, journal.failed)
    if not done:
        return
    several = len(question.aim.names) > 1
    sign = -1 if next(iter(question.aim.goals.values())) == "maximize" else 1
    ranked = sorted(
        journal.best if several else done, key=lambda trial: (sign * trial.values[0], trial.number)
    )
    console.print("\ntrials that no other beats:" if several else "\nbest trials:")
    console.print(_trials_table(question, ranked[:SHOWN]))
    _show_importance(home, question, journal)
    console.print("\nthe first of these settings, done already, or with more --seeds:")
    first = question.space.arguments(ranked[0].params)
    console.print(f"  {question.command} {first}", soft_wrap=True)
    console.print("its figures, from MLflow alone:")
    console.print(f"  ablate report {question.name}", soft_wrap=True)
    console.print("all trials in the browser (pip install optuna-dashboard):")
    console.print(f"  optuna-dashboard {home.journal(question.name)}", soft_wrap=True)


def _tell_failures(home: Home, question: Question, failed: list[FrozenTrial]) -> None:
    """Print why trials brought nothing, each reason once."""
    trials: dict[str, list[int]] = {}
    for trial in failed:
        trials.setdefault(_reason(home, question, trial), []).append(trial.number)
    for reason, numbers in list(trials.items())[:SHOWN]:
        several = ", ".join(map(str, numbers[:SHOWN])) + (", ..." if len(numbers) > SHOWN else "")
        console.print(f"failed: trial {several}: {reason}", style="red", soft_wrap=True)


def _reason(home: Home, question: Question, trial: FrozenTrial) -> str:
    aim = question.aim
    for key in trial.user_attrs[KEYS]:
        run = home.run(key)
        if run.result() is None:
            if reason := run.error(run.inspect(home.observer()).attempt):
                return reason
            continue
        try:
            scores = aim.score(run)
        except UserError as error:
            return str(error)
        if any(map(isnan, scores)):
            within = f", as if nothing were within {aim.budget:g}" if aim.budget else ""
            return f"its runs tell no number for {aim.text}{within}"
    return "its runs did not end"


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


def _show_importance(home: Home, question: Question, journal: Journal) -> None:
    grids = grid_results(home, question, journal.trials)
    results: list[tuple[Mapping[str, Any], float]] = [
        (trial.params, trial.values[0]) for trial in journal.done
    ]
    results += [(grid.params, grid.values[0]) for grid in grids]
    choices = question.space.choices
    found = importances(choices, results)
    if len(results) < fewest(choices):
        enough = f"{len(results)} settings are done, and {fewest(choices)} can tell"
        console.print(f"\nwhat matters for {question.aim.names[0]} is not known yet: {enough}")
    if not found:
        return
    source = f"{len(journal.done)} trials"
    source += f" and {len(grids)} settings of grids" if grids else ""
    console.print(f"\nwhat matters for {question.aim.names[0]}, by {source}:")
    table = simple_table("setting", "importance")
    for setting, share in found.items():
        table.add_row(setting, f"{share:.0%}")
    console.print(table)
