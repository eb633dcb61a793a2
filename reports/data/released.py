"""Claims put to what the authors of SN-Net released: one evaluation on ImageNet of each family."""

from __future__ import annotations

import numpy as np

from ablations.study.claim import Claim
from ablations.study.plan import Plan
from reports.data.measures import MEASURES
from reports.data.paper import SCALE, published
from reports.data.score import SCORE

ROUTE = "route"  # the column that names sub-networks
NAMES = {
    "deit": "DeiT",
    "swin": "Swin",
    "resnet": "ResNet",
    "resnet-swin": "ResNet-Swin",
    "levit": "LeViT",
}


def released(claim: Claim, plan: Plan) -> dict[str, float]:
    """What a claim's effect is in the released points, by family; empty where they cannot tell.

    They tell what is read off one trained network: no difference between two settings, and nothing
    of before training. Shares are in percent, as words have them.

    Arguments:
        plan: of the claim's study; of another experiment than stitching a measure is another.
    """
    of_stitches = plan.table is not None and plan.table.row == ROUTE
    compares = claim.at or claim.than is not None
    if compares or not of_stitches or claim.measure not in MEASURES:
        return {}
    measure, found = MEASURES[claim.measure], {}
    for family, name in NAMES.items():
        table = published(SCALE, family)
        if table is None or not set(measure.needs) <= {*table, SCORE}:
            return {}
        values = measure.of(table.assign(score=table.top1 / 100)).to_numpy(dtype=float)
        share = claim.statistic == "share"
        found[name] = float(np.mean(50 + 50 * np.sign(values)) if share else values.mean())
    return found
