"""What a study says, a sentence a claim; an axis, where it claims nothing. Made from the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ablations.study.metric import Metric
from ablations.tracking.reader import TrackedStudy
from reports.data.levels import Level, NothingToDrawError, mean
from reports.data.quantities import Quantity, main_metric, quantities
from reports.data.search import setting_words
from reports.data.subject import Subject
from reports.data.verdicts import Verdict
from reports.drawing.words import plain
from reports.statistics.evidence import Evidence, Sample, assess, correct_for_many, words
from reports.statistics.interval import number

DIFFERS, OPEN = "differs", "undecided"


@dataclass(frozen=True)
class Answer:
    """One sentence.

    Attributes:
        verdict: a word; empty where nothing was compared.
        about: what the sentence is about, such as the words of a claim.
        found: effect, interval, replicates and p, or why there are none.
        axis: to whose section it leads.
    """

    verdict: str
    about: str
    found: str
    axis: str = ""


def answers(study: TrackedStudy, verdicts: Sequence[Verdict]) -> list[Answer]:
    """The answers of a study.

    Arguments:
        verdicts: on its claims.
    """
    if verdicts:
        return [_of_claim(verdict) for verdict in verdicts]
    if study.plan.search and study.plan.search.done:
        return [_of_search(study)]
    try:
        quantity, metric = quantities(study)[0], main_metric(study)
        axes = [subject.levels for subject in Subject(study).axes() or [Subject(study)]]
    except NothingToDrawError:
        return []
    found = [_of_axis(levels, metric, evidence) for levels, evidence in _compared(axes, quantity)]
    return found or [_of_baseline(axes[0][0], quantity, metric)]


def _of_claim(verdict: Verdict) -> Answer:
    evidence = verdict.evidence
    found = words(evidence) if evidence.n_seeds else evidence.reason
    why = f" ({evidence.reason})" if evidence.n_seeds and evidence.verdict == OPEN else ""
    return Answer(evidence.verdict, verdict.claim.words, f"{found}{why}", verdict.axis or "")


def _compared(
    axes: Sequence[Sequence[Level]], quantity: Quantity
) -> list[tuple[Sequence[Level], list[Evidence]]]:
    """The levels of each axis beside the baseline's, and how each differs from it.

    Corrected for all levels of the study: nobody said before which would differ.
    """
    some = [levels for levels in axes if len(levels) > 1]
    tested = [
        assess(_sample(level, levels[0], quantity), unit=quantity.unit)
        for levels in some
        for level in levels[1:]
    ]
    left = iter(correct_for_many(tested) if tested else [])
    return [(levels, [next(left) for _ in levels[1:]]) for levels in some]


def _sample(level: Level, baseline: Level, quantity: Quantity) -> Sample:
    differences = {}
    for seed in level.runs.keys() & baseline.runs.keys():
        one, other = quantity.value(level.runs[seed]), quantity.value(baseline.runs[seed])
        if one is not None and other is not None:
            differences[seed] = np.array([one - other])
    return Sample(differences, level.planned)


def _of_axis(levels: Sequence[Level], metric: Metric, evidence: Sequence[Evidence]) -> Answer:
    """Which level is best, by how much, and how many differ from the baseline."""
    baseline, *others = levels
    sign = -1 if metric.goal == "minimize" else 1
    told = [(one, found) for one, found in zip(others, evidence, strict=True) if found.n_seeds]
    if not told:
        return Answer(OPEN, baseline.axis, "no seed of a level and of the baseline is finished",
                      baseline.axis)  # fmt: skip
    level, best = max(told, key=lambda one: sign * one[1].effect)
    beats = sign * best.effect > 0
    name, other = plain(level.label), plain(baseline.label)
    lead = (
        f"{name} is best in {metric.title}, against {other}:"
        if beats
        else f"no level is better in {metric.title} than {other}; next, {name}:"
    )
    differ = sum(found.verdict != OPEN for _, found in told)
    count = f"; {differ} of {len(told)} levels differ from it" if len(told) > 1 else ""
    verdict = DIFFERS if best.verdict != OPEN else OPEN
    return Answer(verdict, baseline.axis, f"{lead} {words(best)}{count}", baseline.axis)


def _of_baseline(level: Level, quantity: Quantity, metric: Metric) -> Answer:
    found = mean(level, quantity.value)
    unit = f" {metric.unit}" if metric.unit else ""
    seeds = f"{found.n} seed{'s' if found.n != 1 else ''}"
    return Answer("", metric.title, f"{found.text(quantity.digits)}{unit}, {seeds}")


def _of_search(study: TrackedStudy) -> Answer:
    search = study.plan.search
    assert search is not None  # asked by `answers`
    name, goal = next(iter(search.values.items()))
    best = (max if goal == "maximize" else min)(search.done, key=lambda trial: trial.value)
    start = search.trials[0]
    setting = setting_words(best.params, start.params)
    against = "" if best is start else f", against {number(start.value, 4)} of the baseline"
    return Answer(
        "",
        f"best of {len(search.done)} trials",
        f"{setting}: {name} {number(best.value, 4)}{against} (of what was searched for: no test)",
    )
