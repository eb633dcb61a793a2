"""The claims that the studies make."""

from __future__ import annotations

from ablations.study.catalogue import load_study, study_names
from ablations.study.expansion import expand
from reports.data.measures import MEASURES
from reports.data.score import BEFORE, SCORE


def test_every_claim_of_the_studies_can_be_judged():
    for name in study_names():
        study = load_study(name)[1]
        table = study.experiment.table
        known = {SCORE, BEFORE, *MEASURES, *(score.name for score in table.scores)}
        for claim in study.claims:
            assert claim.measure in known, (name, claim.words)
        assert len({claim.words for claim in study.claims}) == len(study.claims)
        for scale in ("digits", "imagenet"):
            expand(name, study, scale)
