"""What is trained, and what needs no training: figures of runs that tell of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ablations.errors import UserError
from ablations.tracking.reader import read_study
from helpers.commands import TOY, run_ablate
from reports.drawing.style import encode, figure_style
from reports.figures import applicable, draw

# its runs are made once
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("efficient tuning")]
SIZES = ["10 parameters", "40 parameters"]  # of the toy's smallest and largest network
RIVALS = """
    rivals = pd.DataFrame(
        {
            "kind": ["anchor", "anchor", "early_exit", "early_exit", "patch"],
            "route": ["0", "1", "1.0>1.3", "1.1>1.3", "0.0>1.1"],
            "macs": [100, 400, 150, 250, 200],
            "params": [10, 40, 15, 25, 18],
            "top1": [0.7, 0.9, 0.12 + config.seed / 50, 0.6, 0.4],
        },
        index=pd.RangeIndex(5, name="rival"),
    )
    run.save_table("rival", rivals)
    run.save_table("stitch", table)
"""


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """The toy, with runs that keep rivals and tell what they train."""
    folder = tmp_path_factory.mktemp("efficient")
    text = Path(TOY).read_text()
    told = '"trained_params": 1000.0 if config.rule == "plain" else 50.0,\n        "final": x,'
    text = text.replace('"final": x,', told)
    text = text.replace('    run.save_table("stitch", table)\n', RIVALS)
    (folder / "asked.py").write_text(text)
    done = run_ablate(folder / "home", "run", str(folder / "asked.py"), "--seeds", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    return read_study(f"sqlite:///{folder / 'home' / 'mlflow.db'}", "asked")


def legend_of(drawing):
    return [text.get_text() for text in drawing.figure.legends[0].texts]


@pytest.fixture(scope="module")
def toy(uri):
    """The toy as ever."""
    return read_study(uri, "toy")


def test_rivals_are_means_over_the_baselines_seeds(asked):
    drawing = draw(asked, "accuracy", "rule")
    rows = drawing.data[drawing.data.level == "early exit"].set_index("route")
    assert rows.top1.to_dict() == pytest.approx({"1.0>1.3": 14.0, "1.1>1.3": 60.0})
    assert (drawing.data.level == "anchors before").sum() == 2
    assert (drawing.data.level == "patched blocks").sum() == 1
    assert "early exits of the last anchor (dashed), 14.0 to 60.0 %" in drawing.caption
    assert "patched blocks, with nothing in place of a stitching layer (+), 40.0 %" in (
        drawing.caption
    )
    assert "Sub-networks: 4 for plain, 4 for momentum." in drawing.caption
    kinds = ["anchors before", "early exit", "patched blocks"]
    assert legend_of(drawing) == ["plain (baseline)", "momentum", *kinds, "anchor", *SIZES]


def test_rivals_far_below_do_not_squeeze_the_points(toy, asked):
    with_rivals, without = (
        draw(study, "accuracy", "rule").figure.axes[0].get_ylim() for study in (asked, toy)
    )
    assert with_rivals[0] > 60
    assert with_rivals == pytest.approx(without, abs=2)


def test_without_their_table_nothing_is_said_of_rivals(toy):
    drawing = draw(toy, "accuracy", "rule")
    assert set(drawing.data.level) == {"plain (baseline)", "momentum"}
    assert "joint training" not in drawing.caption
    assert legend_of(drawing) == ["plain (baseline)", "momentum", "anchor", *SIZES]


def test_a_level_is_a_point_over_what_it_trains(asked):
    drawing = draw(asked, "trained_parameters", "rule")
    rows = drawing.data.set_index("level")
    assert rows.trained.to_dict() == {"plain (baseline)": 1000.0, "momentum": 50.0}
    tables = [run.table for run in asked.replicates({**asked.plan.baseline}).values()]
    means = [100 * table[~table.is_anchor].top1.mean() for table in tables]
    assert rows.top1["plain (baseline)"] == pytest.approx(sum(means) / 3)
    assert rows.half_width.notna().all()
    assert "momentum: 50 (5 %), " in drawing.caption
    assert "plain (baseline): 1k (100 %), " in drawing.caption
    assert drawing.figure.axes[0].get_xscale() == "log"


def test_levels_that_train_as_much_or_do_not_tell_have_no_such_figure(toy, asked):
    assert ("trained_parameters", "rule") in applicable(asked)
    with pytest.raises(UserError, match="train about as many parameters"):
        draw(asked, "trained_parameters", "rate")
    with pytest.raises(UserError, match="does not tell how many parameters it trains"):
        draw(toy, "trained_parameters", "rule")


@pytest.mark.parametrize("name", ["accuracy", "trained_parameters"])
def test_words_stay_inside_and_bytes_are_equal(asked, name):
    one, two = (draw(asked, name, "rule") for _ in range(2))
    assert encode(one.figure, "svg") == encode(two.figure, "svg")
    with figure_style():
        inner, outer = one.figure.get_tightbbox(), one.figure.bbox_inches
    assert min(inner.x0, inner.y0) >= -0.01
    assert inner.x1 <= outer.x1 + 0.01
    assert inner.y1 <= outer.y1 + 0.01
