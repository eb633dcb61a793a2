"""The table of the linked view: of any experiment whose rows have a cost."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from ablations.study.metric import Metric, Table
from ablations.study.plan import Cell
from ablations.tracking.reader import TrackedRun, TrackedStudy
from reports.data.paper import published_plan
from reports.pages.points import MANY, points_of, rows_of

TABLE = Table(
    "sizes",
    row="size",
    scores=(Metric("r2", "fit"), Metric("r2_before", "fit at first")),
    cost=Metric("memory", "memory", "MB", factor=1e-6),
    marked="chosen",
)


def study_of(rows=3, axes=("a", "b"), table=TABLE, **columns):
    """A study of two axes with two levels each, in two seeds."""
    baseline = dict.fromkeys(axes, "1")
    settings = [baseline, *({**baseline, axis: "2"} for axis in axes)]
    cells, runs = [], {}
    for place, levels in enumerate(settings):
        for seed in range(2):
            key = f"{place}-{seed}"
            cells.append(Cell.of(key, seed, levels, baseline))
            frame = pd.DataFrame({"size": range(rows), "memory": [1e6 * n for n in range(rows)]})
            frame["r2"] = [0.5 + place / 10 + n / 100 + seed / 50 for n in range(rows)]
            frame["r2_before"] = 0.25
            frame["chosen"] = frame["size"] == 1
            frame = frame.assign(**columns)
            runs[key] = TrackedRun(key, key, {}, {}, frame)
    plan = replace(
        published_plan("vit"),
        axes=dict.fromkeys(axes, ("1", "2")),
        baseline=baseline,
        cells=tuple(cells),
        table=table,
    )
    return TrackedStudy(plan, runs)


def test_a_point_a_row_and_level_in_the_units_of_the_experiment():
    found = points_of(study_of(), {})
    assert found is not None
    assert found.columns == (
        "level", "size", "memory (MB)", "fit", "fit at first", "fit, change", "by seed",
    )  # fmt: skip
    assert found.kinds == ("level", "row", "cost", "score", "score", "score", "note")
    assert [row[0] for row in found.rows[::3]] == ["baseline", "a: 2", "b: 2"]
    assert found.rows[4] == [
        "a: 2", "1", "1", "0.620", "0.250", "0.370", "0: 0.610, 1: 0.630",
    ]  # fmt: skip
    assert found.marked == [False, True, False] * 3
    assert found.first == ["baseline", "a: 2"]
    assert rows_of(study_of()) == {"0": "0", "1": "1", "2": "2"}
    named = study_of()
    for run in named.runs.values():
        run.params["anchors"] = '[{"name": "minilm-l3"}, {"name": "1"}, {"name": "vit"}]'
    assert rows_of(named) == {"0": "0", "1": "1", "2": "2", "MiniLM-L3": "0", "vit": "2"}


def test_what_figures_measured_is_told_of_the_baseline():
    found = points_of(study_of(axes=("a",)), {"latency (ms)": {0: 1.5, 2: 2.5}})
    assert found is not None
    place = found.columns.index("latency (ms)")
    assert found.kinds[place] == "score"
    assert [row[place] for row in found.rows] == [
        "1.50",
        "\N{EN DASH}",
        "2.50",
        *["\N{EN DASH}"] * 3,
    ]
    assert found.rows[0][0] == "1 (baseline)"


def test_columns_of_users_take_no_name_of_ours():
    table = replace(TABLE, scores=(Metric("r2", "level"),), cost=Metric("memory", "row"))
    found = points_of(study_of(table=table, visits="often"), {})
    assert found is not None
    assert found.columns[:4] == ("level", "size", "cost.row", "score.level")
    assert found.rows[0][0] == "baseline"
    assert "visits" not in found.columns


def test_so_many_points_that_the_page_grows_heavy_are_of_the_first_axis():
    found = points_of(study_of(rows=MANY // 3 + 1), {})
    assert found is not None
    assert {row[0] for row in found.rows} == {"baseline", "a: 2"}


def test_without_a_cost_or_a_baseline_there_is_nothing_to_draw():
    assert points_of(study_of(table=replace(TABLE, cost=None)), {}) is None
    assert points_of(study_of(table=None), {}) is None
    study = study_of()
    runs = {key: run for key, run in study.runs.items() if not key.startswith("0")}
    assert points_of(TrackedStudy(study.plan, runs), {}) is None
