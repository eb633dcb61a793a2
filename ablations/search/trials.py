"""A search: asks for trials while runs go on, and tells the journal what came of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import chain, takewhile
from math import isnan
from statistics import fmean
from typing import TYPE_CHECKING

from ablations.runs.home import Home
from ablations.search.journal import KEYS, Journal
from ablations.search.proposal import propose
from ablations.search.question import Question
from ablations.search.record import grid_results, record_of
from ablations.study.expansion import Expansion
from ablations.study.plan import Plan

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


@dataclass(frozen=True)
class Sitting:
    """How far to go on with a search.

    Attributes:
        trials: in all, those of earlier sittings included.
        workers: runs side by side; so many are kept open.
        sampler_seed: of what is proposed.
    """

    trials: int
    workers: int
    sampler_seed: int = 0


class Search:
    """One sitting of a search. The journal holds all state: this can die at any moment.

    Attributes:
        failed: how many trials failed in this sitting.
        cut: keys of runs that it ended early.
        exhausted: whether all settings were tried.
    """

    def __init__(self, home: Home, question: Question, journal: Journal, sitting: Sitting) -> None:
        self.home, self.question, self.journal, self.sitting = home, question, journal, sitting
        self.failed, self.exhausted = 0, False
        self.cut: set[str] = set()
        self._past = {trial.number for trial in (*journal.failed, *journal.pruned)}
        self._scores: dict[str, list[float]] = {}  # by run key
        self._seen: dict[int, int] = {}  # points of its curve, by a trial's number
        self._observer = home.observer()

    def plan(self, with_grids: bool = False) -> Plan:
        """The plan with every run that was asked for so far, and what came of the trials.

        Arguments:
            with_grids: also of what grids did in the same space, which takes a while to look up.
        """
        journal = self.journal
        plan = self._expansion(journal.trials).plan
        grids = grid_results(self.home, self.question, journal.trials) if with_grids else []
        return replace(plan, search=record_of(self.question, journal, grids))

    def work(self) -> Expansion:
        """Expand what is to be done: not trials that failed or were pruned in earlier sittings.

        These are not tried again.
        """
        return self._expansion([one for one in self.journal.trials if one.number not in self._past])

    def _expansion(self, trials: Sequence[FrozenTrial]) -> Expansion:
        runs = [run for trial in trials for run in self.question.runs(trial)]
        return self.question.space.grown(self.question.name, runs)

    def step(self, given_up: Collection[str] = ()) -> bool:
        """Tell what ended, and ask for more where workers would be idle; whether either was due.

        Arguments:
            given_up: keys of runs that failed and are not tried again.

        Raises:
            UserError: a run does not tell the objective or cannot start here, or no setting can be
                proposed.
        """
        changed, open_runs = False, 0
        for trial in self.journal.running:
            moved, left = self._settle(trial, given_up)
            changed |= moved
            open_runs += left
        while open_runs < self.sitting.workers and self._ask():
            changed = True
            open_runs += self._settle(self.journal.running[-1], given_up)[1]
        return changed

    def _ask(self) -> bool:
        """Make one more trial, if one is due."""
        trials, question = self.journal.trials, self.question
        if self.exhausted or len(trials) >= self.sitting.trials:
            return False
        tried = {trial.user_attrs[KEYS][0] for trial in trials}
        values = propose(
            question.space,
            question.aim.goals,
            trials,
            tried,
            self.sitting.sampler_seed,
        )
        if values is None:
            self.exhausted = True
            return False
        question.check(values)
        keys = [question.space.key(values, seed) for seed in range(question.seeds)]
        self.journal.ask(values, question.space.distributions, keys)
        return True

    def _settle(self, trial: FrozenTrial, given_up: Collection[str]) -> tuple[bool, int]:
        """Tell what can be told of a running trial; whether anything was, and its open runs."""
        keys: list[str] = trial.user_attrs[KEYS]
        lags, scores = self._lags(trial, keys[0]), self._first_scores(keys)
        if any(map(isnan, chain(*scores))):
            return self._fail(trial)
        if len(scores) == len(keys):
            self._report(trial, scores)
            self.journal.tell(trial, [fmean(column) for column in zip(*scores, strict=True)])
            return True, 0
        moved = self._report(trial, scores)
        if moved and self.question.by_seeds and self.journal.must_prune(trial):
            self.journal.prune(trial)
            return True, 0
        if not scores and lags:
            self.journal.prune(trial)  # first: killed in between, the run goes on for nothing
            self.home.run(keys[0]).cancel(self._observer)
            self.cut.add(keys[0])
            return True, 0
        left = [key for key in keys[len(scores) :] if key not in self._scores]
        if any(key in given_up for key in left):
            return self._fail(trial)
        return moved, min(len(left), self.question.side_by_side(len(scores)))

    def _lags(self, trial: FrozenTrial, key: str) -> bool:
        """Keep how good the first replicate was so far; whether it is news that it lags behind."""
        curve = self.question.aim.curve(self.home.run(key))
        if len(curve) == self._seen.get(trial.number, 0):
            return False
        self._seen[trial.number] = len(curve)
        self.journal.keep_curve(trial, curve)
        return self.question.by_curves and self.journal.must_cut(curve)

    def _first_scores(self, keys: Sequence[str]) -> list[list[float]]:
        """Scores of the runs that are done, up to the first that is not."""
        for key in keys:
            run = self.home.run(key)
            if key not in self._scores and run.result() is not None:
                self._scores[key] = self.question.aim.score(run)
        done = takewhile(self._scores.__contains__, keys)
        return [self._scores[key] for key in done]

    def _report(self, trial: FrozenTrial, scores: Sequence[Sequence[float]]) -> bool:
        """Keep what each replicate brought, of one goal; whether that is news."""
        if len(self.question.aim.goals) > 1:
            return False
        new = [seed for seed in range(len(scores)) if seed not in trial.intermediate_values]
        for seed in new:
            self.journal.report(trial, seed, scores[seed][0])
        return bool(new)

    def _fail(self, trial: FrozenTrial) -> tuple[bool, int]:
        self.journal.fail(trial)
        self.failed += 1
        return True, 0

    def progress(self) -> str:
        """How far it is, and the best so far."""
        told = len(self.journal.trials) - len(self.journal.running)
        text = f"{told} of {self.sitting.trials} trials told"
        best = self.journal.best
        if best and len(best[0].values) == 1:
            text += f", best {self.question.aim.names[0]} {best[0].values[0]:.4g}"
        return text
