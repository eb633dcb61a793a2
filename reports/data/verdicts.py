"""What the tracked runs of a study say of its claims."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ablations.study.claim import Claim
from ablations.tracking.reader import TrackedRun, TrackedStudy
from reports.data.left_out import without_images
from reports.data.measures import differences, unit_of
from reports.statistics.evidence import Evidence, Sample, assess, correct_for_many


@dataclass(frozen=True)
class Verdict:
    """A claim of a study, and the evidence."""

    study: str
    claim: Claim
    evidence: Evidence

    @property
    def axis(self) -> str | None:
        """The axis whose levels are compared; None where the claim is about the baseline alone."""
        return next((axis for axis, _ in self.claim.levels), None)


def judge(studies: Sequence[TrackedStudy]) -> list[Verdict]:
    """Every claim of the studies; p is corrected for all of them together.

    Raises:
        UserError: a claim names an unknown measure.
    """
    verdicts = [
        Verdict(study.plan.study, claim, _evidence(study, claim))
        for study in studies
        for claim in study.plan.claims
    ]
    corrected = correct_for_many([verdict.evidence for verdict in verdicts])
    return [
        replace(verdict, evidence=evidence)
        for verdict, evidence in zip(verdicts, corrected, strict=True)
    ]


def sample_of(study: TrackedStudy, claim: Claim) -> Sample:
    """The differences that a claim is about, by seed; a seed of which a run is missing has none."""
    baseline = study.plan.baseline
    ones = study.replicates({**baseline, **claim.at})
    others = study.replicates({**baseline, **claim.than}) if claim.than is not None else None
    found, without = {}, {}
    for seed, one in ones.items():
        other = others.get(seed) if others is not None else None
        if one is not None and (others is None or other is not None):
            found[seed] = differences(claim.measure, one, other, claim.pairing, study.plan)
            without[seed] = _without(study, claim, one, other)
    return Sample(found, len(ones), without)


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
    unit = unit_of(claim.measure, study.plan)
    sample = sample_of(study, claim)
    return assess(sample, claim.relation, claim.margin, claim.statistic, unit)
