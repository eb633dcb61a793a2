"""Which settings matter: the share of each in how much the results differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

# results for each setting. Where two to five settings of three levels add up, with noise, five let
# another setting than the true one come first in up to one case of five; ten in one of twelve or
# fewer, and the share that was most wrong was so by ten points on average
FEWEST = 10


def fewest(choices: Mapping[str, Any]) -> int:
    """How many results can tell which of the settings matter."""
    return FEWEST * len(choices)


def importances(
    choices: Mapping[str, Mapping[str, Any]], results: Sequence[tuple[Mapping[str, Any], float]]
) -> dict[str, float]:
    """The share of every setting, the largest first (Optuna's fANOVA).

    Empty where the results are too few to tell (see `fewest`), or all alike.

    Arguments:
        choices: what each setting was chosen from, see `distribution`.
        results: settings, and what came of them.
    """
    from optuna import create_study, logging
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances
    from optuna.trial import create_trial

    if len(results) < fewest(choices) or len({value for _, value in results}) == 1:
        return {}
    space = {name: distribution(choice) for name, choice in choices.items()}
    logging.set_verbosity(logging.ERROR)
    study = create_study()
    for params, value in results:
        study.add_trial(create_trial(params=dict(params), distributions=space, value=value))
    found = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def distribution(choice: Mapping[str, Any]) -> BaseDistribution:
    """Optuna's word for a choice: `{levels: [...]}`, or `{low: ..., high: ..., log: ...}`."""
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if "levels" in choice:
        return CategoricalDistribution(choice["levels"])
    low, high, log = choice["low"], choice["high"], choice["log"]
    kind = IntDistribution if isinstance(low, int) else FloatDistribution
    return kind(low, high, log=log)
