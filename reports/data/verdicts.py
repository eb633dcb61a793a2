"""What the tracked runs of a study say of its claims."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ablations.errors import UserError
from ablations.study.claim import Claim
from ablations.study.plan import Plan
from ablations.tracking.reader import TrackedRun, TrackedStudy
from reports.data.left_out import without_images
from reports.data.measures import differences, unit_of
from reports.statistics.evidence import Evidence, Sample, assess, correct_for_many


@dataclass(frozen=True)
class Verdict:
    """A claim of a study, and the evidence.

    Attributes:
        plan: of the study.
        unplanned: how many seeds there are beyond what the study asks for.
    """

    plan: Plan
    claim: Claim
    evidence: Evidence
    unplanned: int = 0

    @property
    def study(self) -> str:
        """The name of the study."""
        return self.plan.study

    @property
    def asked_by(self) -> str:
        """The name of the study whose claim it is: of a variant, the other study's."""
        return self.plan.variant.of if self.plan.variant else self.plan.study

    @property
    def scale(self) -> str:
        """The scale and family that it was put to."""
        return f"{self.plan.scale} ({self.plan.family})"

    @property
    def axis(self) -> str | None:
        """The axis whose levels are compared; None where the claim is about the baseline alone."""
        return next((axis for axis, _ in self.claim.levels), None)


def judge(studies: Sequence[TrackedStudy]) -> list[Verdict]:
    """Every claim of the studies; p is corrected for all claims of the same study.

    So a study says the same alone and among others. A claim that cannot be judged, such as one
    that names an unknown measure, is undecided and says why.
    """
    return [verdict for study in studies for verdict in _judge(study)]


def _judge(study: TrackedStudy) -> list[Verdict]:
    plan = study.plan
    evidences = correct_for_many([_evidence(study, claim) for claim in plan.claims])
    return [
        Verdict(plan, claim, one, max(one.n_seeds - (plan.replicates or one.n_seeds), 0))
        for claim, one in zip(plan.claims, evidences, strict=True)
    ]


def sample_of(study: TrackedStudy, claim: Claim) -> Sample:
    """The differences that a claim is about, by seed; a seed of which a run is missing has none.

    Nor has one where what is measured is no finite number, which the sample tells.
    """
    baseline = study.plan.baseline
    ones = study.replicates({**baseline, **claim.at})
    others = study.replicates({**baseline, **claim.than}) if claim.than is not None else None
    found, without, lost = {}, {}, []
    for seed, one in ones.items():
        other = others.get(seed) if others is not None else None
        if one is not None and (others is None or other is not None):
            difference = differences(claim.measure, one, other, claim.pairing, study.plan)
            if np.isfinite(difference).all():
                found[seed] = difference
                without[seed] = _without(study, claim, one, other)
            else:
                lost.append(str(seed))
    trouble = f"{claim.measure} is no finite number for seed {', '.join(lost)}" if lost else ""
    return Sample(found, len(ones), without, trouble)


def _without(
    study: TrackedStudy, claim: Claim, one: TrackedRun, other: TrackedRun | None
) -> list[NDArray[np.float64]]:
    """Differences as in `sample_of`, each time without one group of the test images."""
    ours = without_images(one, study.plan.table)
    theirs = [None] * len(ours) if other is None else without_images(other, study.plan.table)
    if len(theirs) != len(ours):
        return []
    return [
        differences(claim.measure, mine, its, claim.pairing, study.plan)
        for mine, its in zip(ours, theirs, strict=True)
    ]


def _evidence(study: TrackedStudy, claim: Claim) -> Evidence:
    table = next((run.table for run in study.runs.values()), pd.DataFrame())
    unit = unit_of(claim.measure, study.plan, table)
    try:
        sample = sample_of(study, claim)
    except UserError as error:  # of this claim alone: what the others say is not lost
        sample = Sample({}, 0, trouble=f"it cannot be judged: {error}")
    return assess(sample, claim.relation, claim.margin, claim.statistic, unit)
