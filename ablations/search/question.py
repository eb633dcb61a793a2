"""What a search is about: from the command line to a space, an aim, and runs for each trial."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from ablations.errors import UserError
from ablations.parsing import parse_changes
from ablations.refused import Refused
from ablations.runs.home import Home
from ablations.search.journal import Journal
from ablations.search.space import SearchSpace, Values, parse_ranges
from ablations.study.catalogue import load_study, name_of
from ablations.study.limits import MOST_RUNS
from ablations.study.objective import Aim, find_aim
from ablations.study.plans import plans_of
from ablations.study.validator import Validator

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

SURE_SEEDS = 4  # fewer pairs cannot tell two settings apart at the pruner's 10 %
Pruning = Literal["no", "seeds", "curves", "both"]


@dataclass(frozen=True)
class Asked:
    """What the command line says of a search, as it says it; None: by default."""

    objective: str | None
    over: tuple[str, ...]
    scale: str | None
    family: str | None
    seeds: int | None
    changes: tuple[str, ...]
    prune: Pruning | None


def asked_before(journal: Journal) -> Asked:
    """What the command line said when a search began.

    Raises:
        UserError: the journal does not tell.
    """
    if not journal.options:
        raise UserError("nothing was searched yet: the search ended before its first trial")
    try:
        return Validator(Asked).validate(journal.options)
    except UserError as error:
        raise UserError(f"{journal.path} does not tell what was searched: {error}") from None


@dataclass(frozen=True)
class Question:
    """A space, an aim, and how trials are judged.

    Attributes:
        name: of the search.
        seeds: replicates of a trial, whose mean is its value.
        pruning: what ends a trial early. `seeds`: its replicates, done one after the other, are
            surely bad; `curves`: its first one lags behind while it trains.
        asked: how the command line said it.
        command: what repeats one of its settings, up to that setting.
    """

    name: str
    space: SearchSpace
    aim: Aim
    seeds: int
    pruning: Pruning
    asked: Asked
    command: str

    @property
    def by_seeds(self) -> bool:
        """Whether replicates are done one after the other, and end a trial."""
        return self.pruning in ("seeds", "both")

    @property
    def by_curves(self) -> bool:
        """Whether the learning curve of the first replicate, done before the others, ends it."""
        return self.pruning in ("curves", "both")

    def record(self) -> dict[str, Any]:
        """What two sittings of one search must agree in, as JSON values."""
        own = {"objective": self.aim.text, "seeds": self.seeds, "pruning": self.pruning}
        return {**self.space.record(), **own}

    def check(self, values: Values) -> None:
        """Refuse a setting whose runs could not start here, or would not tell the objective.

        Raises:
            UserError: says why.
        """
        config = self.space.config(values)
        self.aim.check(config)
        self.space.experiment.ensure_ready(config)

    def check_told(self, home: Home) -> None:
        """Refuse an objective that the first trial would not tell, where its run is done already.

        Raises:
            UserError: says why.
        """
        run = home.run(self.space.key(self.space.baseline, 0))
        if run.result() is not None:
            self.aim.score(run)

    def check_size(self, trials: int) -> None:
        """Refuse more runs than a plan may have.

        Raises:
            UserError: so many trials have more.
        """
        if trials * self.seeds > MOST_RUNS:
            raise UserError(
                f"{trials:,} trials with {self.seeds:,} seeds each have more than {MOST_RUNS:,} "
                "runs: ask for fewer --trials or --seeds"
            )

    def runs(self, trial: FrozenTrial) -> list[tuple[Values, int]]:
        """The values and seed of each run that a trial has asked for so far."""
        return [(trial.params, seed) for seed in range(self._asked(trial))]

    def _asked(self, trial: FrozenTrial) -> int:
        from optuna.trial import TrialState

        reported = len(trial.intermediate_values)
        if trial.state is TrialState.PRUNED:
            return max(reported, 1)  # by its curve before the first was done
        if trial.state is TrialState.COMPLETE:
            return self.seeds
        return min(reported + self.side_by_side(reported), self.seeds)

    def side_by_side(self, done: int) -> int:
        """How many more replicates of a trial may go side by side when so many are done."""
        alone = self.by_seeds or (self.by_curves and not done)
        return 1 if alone else self.seeds - done


def make_question(home: Home, study: str, name: str, asked: Asked) -> Question:
    """What a search of that name over a study is about.

    Arguments:
        home: whose finished runs tell what metrics there are, for messages.
        study: what `load_study` takes.

    Raises:
        UserError: a name or a value is unknown, or nothing is left to search.
    """
    found = load_study(study)[1]
    experiment = found.experiment
    returned = partial(_returned_metrics, home, experiment.name)
    aim = find_aim(experiment.objectives, experiment.metrics, asked.objective, returned)
    ranges = parse_ranges(experiment, asked.over)
    changes = parse_changes(asked.changes)
    space = SearchSpace(name_of(study), found, ranges, asked.scale, asked.family, changes)
    seeds, several = asked.seeds or found.seeds, len(aim.goals) > 1
    pruning: Pruning = asked.prune or ("seeds" if seeds > SURE_SEEDS and not several else "no")
    _check_pruning(pruning, aim, seeds)
    fixed = [text for text in asked.changes if len(changes[text.partition("=")[0]]) == 1]
    parts = [f"ablate run {shlex.quote(study)} --seeds {seeds}"]
    parts += [f"--scale {asked.scale}"] if asked.scale else []
    parts += [f"--family {asked.family}"] if asked.family else []
    parts += [f"--set {shlex.quote(text)}" for text in fixed]
    return Question(name, space, aim, seeds, pruning, asked, " ".join(parts))


def _returned_metrics(home: Home, experiment: str) -> list[str]:
    """Names of the metrics of a finished run of the experiment; none where there is no such run."""
    refused = Refused()
    for plan in plans_of(home, refused):
        for key in plan.runs if plan.experiment == experiment else ():
            with refused.aside():
                result = home.run(key).result()
                if result is not None:
                    return list(result["metrics"])
    return []


def _check_pruning(pruning: Pruning, aim: Aim, seeds: int) -> None:
    if pruning != "no" and len(aim.goals) > 1:
        raise UserError(f"--prune {pruning} compares one value: choose an objective of one")
    if pruning in ("seeds", "both") and seeds == 1:
        raise UserError(f"--prune {pruning} compares seed by seed: it needs --seeds 2 or more")
    if pruning in ("curves", "both") and aim.objective.curve is None:
        raise UserError(f"--prune {pruning}: runs do not tell {aim.text} while they go on")
