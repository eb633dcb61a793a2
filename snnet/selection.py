"""Selection: which stitches a run keeps, and trains, of all that its space offers.

A criterion gives each candidate a number, and a candidate with a higher one is kept before others.
Anchors are always kept. That those kept spread over the costs, the candidates are sorted by MACs
and cut into as many groups of nearly equal size as are to be kept; the best of each group is.
`random` draws one of each group: it differs from the others in the criterion alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from snnet.candidates import Candidates, Criterion
from snnet.evaluation import evaluate
from snnet.importance import importance
from snnet.pieces import SELECTORS
from snnet.seeding import generator
from snnet.similarity import cka, kl, residual
from snnet.space import count_routes


def draw(candidates: Candidates) -> list[float]:
    """Random numbers by the seed: the control."""
    draws = generator("selection", candidates.config.seed)
    return torch.rand(len(candidates.stitches), generator=draws).tolist()


def start_score(candidates: Candidates) -> list[float]:
    """The score of each stitch on the calibration images, as it starts."""
    task = candidates.data.task
    scores = evaluate(candidates.network, candidates.batches(), task=task)
    sign = 1 if task.score.goal == "maximize" else -1
    return [sign * scores[n][task.score.name] for n in candidates.stitches]


CRITERIA: dict[str, Criterion] = {
    "random": draw,
    "residual": residual,
    "kl": kl,
    "cka": cka,
    "start_score": start_score,
    "importance": importance,
}


def select(candidates: Candidates) -> list[str]:
    """The names of the routes that are kept: the anchors, and stitches by the run's `selection`.

    Raises:
        ValueError: there is no such selection, as many would be kept as there are, or a user's
            criterion does not judge all candidates.
    """
    config, network = candidates.config, candidates.network
    SELECTORS.check(config.selection)
    routes, macs = network.space.routes, [macs for macs, _ in network.costs()]
    stitches = candidates.stitches
    kept = count_routes(config, network.space.stages) - len(network.space.stages)
    found = candidates.judged({**CRITERIA, **SELECTORS}[config.selection])
    chosen = best_of_groups(found, [macs[n] for n in stitches], kept)
    anchors = [route.name for route in routes if route.is_anchor]
    return anchors + [routes[stitches[n]].name for n in chosen]


def best_of_groups(values: Sequence[float], macs: Sequence[int], groups: int) -> list[int]:
    """The number of the best of each group of nearly equal cost; of equals the cheapest.

    Arguments:
        values, macs: of each candidate.
        groups: how many, at most as many as candidates; sizes differ by one at most.
    """
    by_cost = torch.tensor(sorted(range(len(macs)), key=lambda n: (macs[n], n)))
    return [max(group.tolist(), key=values.__getitem__) for group in by_cost.tensor_split(groups)]
