"""Scores of any task, under one name."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from ablations.study.expansion import expand
from ablations.tracking.reader import TrackedRun, TrackedStudy
from helpers.tables import table
from reports.data.levels import Level, NothingToDrawError, area, keep_stitches
from reports.data.measures import differences, unit_of
from reports.data.quantities import main_metrics, main_value, quantities
from reports.data.score import score_of, with_score
from reports.drawing.drawing import score_in, stitch_rows
from reports.figures import accuracy, difference, heatmap, start
from snnet.front import front_area
from studies.overview import STUDY

PLAN = expand("overview", STUDY).plan


def run_of(scores, score="top1", **options):
    names = {"top1": score, "top1_before": f"{score}_before"}
    rows = table(scores, **options).rename(columns=names).assign(params=1)
    metrics = {f"mean_{score}": rows[score].mean()}
    return TrackedRun("", "", metrics, {}, rows)


def level_of(*runs, label="one", baseline=False):
    return Level("axis", label, baseline, dict(enumerate(runs)), len(runs), PLAN.table)


SEGMENTS = run_of([0.5, 0.9, 0.6, 0.8], "miou", before=[0.5, 0.9, 0.1, 0.3])
ERRORS = run_of([0.5, 0.1, 0.4, 0.2], "abs_rel", before=[0.5, 0.1, 0.9, 0.7])


def test_a_run_is_scored_by_what_its_table_has():
    assert score_of(PLAN.table, SEGMENTS.table).name == "miou"
    assert score_of(PLAN.table, ERRORS.table).goal == "minimize"
    assert score_of(PLAN.table, ["route"]) is None
    assert score_of(None, SEGMENTS.table) is None
    assert keep_stitches([SEGMENTS, ERRORS], PLAN.table)
    assert not keep_stitches([SEGMENTS], None)


def test_claims_compare_the_score_of_any_task():
    """An error that is to be low counts as its negative: more is better in all of them."""
    other = run_of([0.5, 0.9, 0.5, 0.9], "miou")
    assert differences("score", SEGMENTS, other, "route", PLAN) == pytest.approx([10, -10])
    assert differences("score_before", SEGMENTS, None, "route", PLAN) == pytest.approx([10, 30])
    assert differences("score", ERRORS, None, "route", PLAN) == pytest.approx([-40, -20])
    assert unit_of("score", PLAN, ERRORS.table) == "points"
    for name in ("front_area", "between", "above_chord", "step", "rank_correlation", "loss"):
        ours = differences(name, SEGMENTS, None, "route", PLAN)
        named = differences(name, run_of([0.5, 0.9, 0.6, 0.8], before=[0.5, 0.9, 0.1, 0.3]), None,
                            "route", PLAN)  # fmt: skip
        assert ours == pytest.approx(named), name
        assert unit_of(name, PLAN, SEGMENTS.table) == unit_of(name, PLAN, ERRORS.table) != ""
    # an error of 1 - x is as good as a score of x
    mirrored = differences("step", ERRORS, None, "route", PLAN)
    assert mirrored == pytest.approx(differences("step", SEGMENTS, None, "route", PLAN))


def test_areas_are_told_in_the_units_of_the_score():
    wanted = 100 * front_area(SEGMENTS.table, "miou")
    assert area(SEGMENTS, PLAN.table) == pytest.approx(wanted)
    assert area(ERRORS, PLAN.table) == pytest.approx(100 - wanted)
    assert area(SEGMENTS, None) is None


def test_columns_of_the_runs_own_stay():
    rows = pd.DataFrame({"score": [1.0], "miou": [0.5]})
    assert with_score(rows, score_of(PLAN.table, rows)).score.tolist() == [1.0]


@pytest.mark.parametrize(("run", "told"), [(SEGMENTS, "mIoU"), (ERRORS, "Absolute relative error")])
@pytest.mark.parametrize("figure", [accuracy, start, heatmap])
def test_figures_say_what_they_show(run, told, figure):
    class Subject:
        axis = None
        baseline = level_of(run, baseline=True)
        levels = (baseline,)
        study = TrackedStudy(PLAN, {"a": run})

    drawing = figure.FIGURE.drawing(Subject)
    assert drawing.caption.lower().startswith(told.lower())
    texts = [axes.get_ylabel() for axes in drawing.figure.axes]
    assert any(text.lower().startswith(told.lower()) for text in texts)
    assert score_in(drawing.data).name in drawing.data


def test_the_best_of_errors_is_the_lowest():
    data = stitch_rows([level_of(ERRORS)])
    caption = heatmap.FIGURE.caption(data.assign(front_block=0, back_block=1)[~data.is_anchor])
    assert "Best: 0.1>1.1 with 20.0 %; worst: 0.0>1.1 with 40.0 %" in caption


def test_what_is_scored_differently_is_not_compared():
    one, other = level_of(SEGMENTS), level_of(ERRORS, label="other")
    with pytest.raises(NothingToDrawError, match="mIoU and absolute relative error"):
        stitch_rows([one, other])

    class Subject:
        axis, levels = "task", [one, other]
        compared = staticmethod(lambda: [one, other])

    with pytest.raises(NothingToDrawError, match="which no axis compares"):
        difference.FIGURE.data(Subject)


def test_a_study_of_several_tasks_has_a_metric_of_each():
    names = run_of([0.5, 0.9, 0.6, 0.8])
    study = TrackedStudy(PLAN, {"a": SEGMENTS, "b": names})
    assert [one.name for one in main_metrics(study)] == ["mean_top1", "mean_miou"]
    assert main_value(study, SEGMENTS) == pytest.approx(70)
    assert quantities(study)[0].value(SEGMENTS) == pytest.approx(70)
    assert main_value(study, replace(names, metrics={})) is None
