"""What to try next: Optuna's TPE proposes, and nothing is proposed twice.

Drawn by the sampler's seed and the trial's number, never by what this process drew before: so a
search that was killed proposes what it would have proposed. And drawn in a copy of the study, so
that the journal gets a trial only when all is known of it.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from ablations.errors import UserError
from ablations.search.space import SearchSpace
from ablations.study.metric import Goal

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

DRAWS = 50  # of settings that are refused or known, before all others are listed
LISTED = 100_000


def propose(
    space: SearchSpace,
    goals: Mapping[str, Goal],
    trials: Sequence[FrozenTrial],
    tried: Collection[str],
    seed: int,
) -> dict[str, Any] | None:
    """Values that were not tried yet, first the baseline's; None where all were.

    Arguments:
        trials: all so far; those that run are taken for bad ones, lest others come too close.
        tried: keys of their first runs.
        seed: of the sampler.

    Raises:
        UserError: nothing but settings that do not fit together is drawn.
    """
    from optuna import create_study
    from optuna.samplers import TPESampler
    from optuna.trial import TrialState

    if not trials:
        return dict(space.baseline)
    number = zlib.crc32(f"{seed} {len(trials)}".encode())
    copy = create_study(
        directions=list(goals.values()), sampler=TPESampler(seed=number, constant_liar=True)
    )
    copy.add_trials(trials)
    for _ in range(DRAWS):
        asked = copy.ask(fixed_distributions=space.distributions)
        values = {
            name: space.ranges[name].rounded(value) if name in space.ranges else value
            for name, value in asked.params.items()
        }
        if space.allows(values) and space.key(values, 0) not in tried:
            return values
        copy.tell(asked, state=TrialState.FAIL)
    return _any_left(space, tried, number)


def _any_left(space: SearchSpace, tried: Collection[str], seed: int) -> dict[str, Any] | None:
    everything = space.everything()
    if everything is None:
        raise UserError(
            f"{DRAWS} settings in a row were refused, by `where` of the study or because they do "
            "not fit together; narrow --over, or fix an axis with --set"
        )
    listed = islice(everything, LISTED)
    left = [values for values in listed if space.key(values, 0) not in tried]
    return random.Random(seed).choice(left) if left else None
