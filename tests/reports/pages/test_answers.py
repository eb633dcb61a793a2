"""What a study says in a sentence: of claims, of axes without one, of a baseline alone."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from ablations.study.claim import Claim
from ablations.study.metric import Metric
from ablations.study.plan import Cell
from ablations.study.search_record import SearchRecord, TrialRecord
from ablations.tracking.names import metric
from ablations.tracking.reader import TrackedRun, TrackedStudy
from reports.data.paper import published_plan
from reports.data.verdicts import judge
from reports.pages.answers import Answer, answers

LEVELS = ("low", "half_way", "high")
NOISE = ((0, 1, 2, 1, 1), (1, 0, 1, 2, 1), (2, 1, 0, 1, 1))  # by level and seed; its mean is 1


def study_of(means, goal="maximize", seeds=5, **changes):
    """A study whose only axis has these means, a little apart by seed."""
    names = LEVELS[: len(means)]
    cells, runs = [], {}
    for name, middle, noise in zip(names, means, NOISE, strict=False):
        for seed in range(seeds):
            key = f"{name}-{seed}"
            cells.append(Cell.of(key, seed, {"rate": name}, {"rate": "low"}))
            runs[key] = TrackedRun(
                key, key, {metric("error"): middle + noise[seed] / 20}, {}, pd.DataFrame()
            )
    plan = replace(
        published_plan("vit"),
        axes={"rate": names},
        baseline={"rate": "low"},
        cells=tuple(cells),
        metrics=(Metric("error", "mean error", "s", goal),),
        table=None,
        claims=(),
        **changes,
    )
    return TrackedStudy(plan, runs)


def test_an_axis_names_its_best_level_and_what_that_is_worth():
    (found,) = answers(study_of([1.0, 4.0, 3.0]), [])
    assert (found.verdict, found.about, found.axis) == ("differs", "rate", "rate")
    assert found.found.startswith("half way is best in mean error, against low: +3.0")
    assert " s [" in found.found
    assert "5 seeds, p < 0.001" in found.found
    assert found.found.endswith("2 of 2 levels differ from it")


def test_less_is_better_where_the_metric_says_so():
    (found,) = answers(study_of([3.0, 4.0, 1.0], "minimize"), [])
    assert found.found.startswith("high is best in mean error, against low: \N{MINUS SIGN}2.0")


def test_a_baseline_that_no_level_beats_is_said():
    (found,) = answers(study_of([5.0, 1.0, 2.0]), [])
    assert found.found.startswith("no level is better in mean error than low; next, high:")


def test_few_seeds_decide_nothing():
    (found,) = answers(study_of([1.0, 9.0], seeds=2), [])
    assert found.verdict == "undecided"
    assert "2 seeds" in found.found


def test_levels_that_seeds_do_not_tell_apart_are_undecided():
    (found,) = answers(study_of([1.0, 1.001]), [])
    assert found.verdict == "undecided"


def test_a_baseline_alone_tells_its_mean():
    (found,) = answers(study_of([4.0]), [])
    assert found.verdict == ""
    assert found.about == "mean error"
    assert found.found.startswith("4.05 ± 0.0")
    assert found.found.endswith("5 seeds")


def test_claims_speak_for_the_study():
    study = study_of([1.0, 4.0])
    claim = Claim("Middle errs more", "error", {"rate": "half_way"}, {"rate": "low"})
    study = TrackedStudy(replace(study.plan, claims=(claim,)), study.runs)
    (found,) = answers(study, judge([study]))
    assert found == Answer("supported", "Middle errs more", found.found, "rate")
    assert found.found.startswith("+3.0")
    none = TrackedStudy(study.plan, {})
    (found,) = answers(none, judge([none]))
    assert found.verdict == "undecided"
    assert found.found.startswith("no seed yet")


def test_a_search_tells_its_best_trial():
    def trial(number, rate, value):
        return TrialRecord(number, "complete", {"rate": rate}, (value,), (value,), {})

    trials = (trial(0, "low", 3.0), trial(1, "high", 1.5), trial(2, "middle", 2.0))
    record = SearchRecord({"error": "minimize"}, {"rate": {"levels": list(LEVELS)}}, trials)
    study = study_of([3.0, 2.0])
    (found,) = answers(TrackedStudy(replace(study.plan, search=record), study.runs), [])
    assert found.about == "best of 3 trials"
    assert found.found.startswith("rate high: error 1.5000, against 3.0000 of the baseline")
