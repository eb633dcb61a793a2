"""Every figure: right in its numbers, worded from them, refused with a reason where it is empty."""

from __future__ import annotations

import dataclasses
import json
import re
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import reports.figures
from ablations.errors import UserError
from ablations.tracking.reader import read_study
from ablations.tracking.store import connect
from helpers.commands import TINY, TOY, run_ablate
from reports.build import build_report
from reports.drawing.style import encode, figure_style
from reports.figures import FIGURES, applicable, draw
from reports.figures.interaction import in_order
from snnet.front import front_area

# its runs are made once
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("figures")]
OF_SEARCHES = {"trials", "choices", "curves", "importance"}  # see test_search_figures.py
# see test_any_experiment.py and test_efficient_tuning.py
OF_OTHERS = {"metric", "scores", "trained_parameters"}
BASELINE = {"kernel": "2", "init": "least_squares"}


def study_of(home, name):
    return read_study(f"sqlite:///{home / 'mlflow.db'}", name)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Real runs: kernel by initialisation, two seeds."""
    folder = tmp_path_factory.mktemp("figures")
    sampling = 'Axis("sampling", ["random", "sandwich"])'
    text = Path(TINY).read_text().replace(sampling, 'Axis("kernel", [2, 1])')
    text = text.replace('"epochs": 1,', '"epochs": 15,')  # so that anchors know something
    text = text.replace('"depth": 2', '"depth": 3')  # several stitching layers
    images = '"training_images": 256, "test_images": 200, '
    text = text.replace("baseline={", f"baseline={{{images}")
    text = text.replace('"sampling": "random"}', '"sampling": "random", "init": "least_squares"}')
    text = text.replace("    axes=", '    design="factorial",\n    seeds=2,\n    axes=')
    study = folder / "small.py"
    study.write_text(text)
    done = run_ablate(folder / "home", "run", str(study))
    assert done.returncode == 0, done.stdout + done.stderr
    alone = folder / "alone.py"
    alone.write_text(re.sub(r"axes=\[.*\]", "axes=[]", text).replace('design="factorial",', ""))
    done = run_ablate(folder / "home", "run", str(alone))
    assert done.returncode == 0, done.stdout + done.stderr
    trained = """Axis("trained", {"jointly": {"only": None}, "alone": {"only": "0.0>1.1"}})"""
    solo = folder / "solo.py"
    solo.write_text(re.sub(r"axes=\[.*\]", f"axes=[{trained}]", alone.read_text()))
    done = run_ablate(folder / "home", "run", str(solo))
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "home"


@pytest.fixture(scope="module")
def solo(home):
    return study_of(home, "solo")


@pytest.fixture(scope="module")
def study(home):
    return study_of(home, "small")


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    """A toy that says it is of the paper's scale, in one seed."""
    folder = tmp_path_factory.mktemp("paper")
    text = Path(TOY).read_text().replace('"large": {"parabola"', '"imagenet": {"deit"')
    text = text.replace('"macs": [100, 400, 200, 300]', '"macs": [1.3e9, 4.6e9, 2e9, 3e9]')
    (folder / "paper.py").write_text(text)
    arguments = ("--scale", "imagenet", "--seeds", "1")
    done = run_ablate(folder / "home", "run", str(folder / "paper.py"), *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return study_of(folder / "home", "paper-imagenet")


def replicates(study, **changes):
    return study.replicates({**BASELINE, **changes})


def test_which_figures_apply(study, home, paper, solo):
    def names(study, axis):
        return {name for name, of in applicable(study) if of == axis}

    of_axis = {"accuracy", "difference", "start", "epochs", "visits"}
    assert names(study, "init") == of_axis
    assert names(study, "kernel") == of_axis | {"windows"}
    of_study = {"effects", "heatmap", "interaction", "latency", "residual"}
    assert names(study, None) == of_study
    alone = names(study_of(home, "alone"), None)
    assert alone == {"accuracy", "latency", "start", "epochs", "visits", "heatmap", "residual"}
    assert names(paper, None) == {"effects", "heatmap", "published"}
    assert names(paper, "rate") == of_axis - {"visits"}
    seen = {name for found in (study, paper, solo) for name, _ in applicable(found)}
    assert seen | OF_SEARCHES | OF_OTHERS == set(FIGURES), "a figure that no test draws"


def test_all_are_drawn_with_words_inside_their_bounds_and_with_equal_bytes(study, paper, solo):
    chosen = [(study, name, axis) for name, axis in applicable(study)]
    chosen += [(paper, "published", None), (paper, "accuracy", "rule")]
    chosen += [(solo, "cost", None), (solo, "accuracy", "trained")]
    for tracked, name, axis in chosen:
        one, two = draw(tracked, name, axis), draw(tracked, name, axis)
        assert one.caption == two.caption
        assert one.caption.endswith(".")
        assert "nan" not in one.caption
        # other formats: see test_build.py
        assert encode(one.figure, "svg") == encode(two.figure, "svg"), name
        again = pd.read_csv(StringIO(one.data.to_csv(index=False)))
        assert len(again) == len(one.data) > 0
        with figure_style():  # other fonts are wider
            inner, outer = one.figure.get_tightbbox(), one.figure.bbox_inches
        assert min(inner.x0, inner.y0) >= -0.01, name
        assert inner.x1 <= outer.x1 + 0.01, name
        assert inner.y1 <= outer.y1 + 0.01, name


def test_accuracy_start_and_visits_are_means_over_seeds(study):
    tables = [run.table.set_index("route") for run in replicates(study, init="kaiming").values()]
    for name, column, unit in (
        ("accuracy", "top1", 100),
        ("start", "top1_before", 100),
        ("visits", "visits", 1),
    ):
        data = draw(study, name, "init").data
        rows = data[data.level == "kaiming"].set_index("route")
        expected = unit * sum(table[column] for table in tables) / 2
        np.testing.assert_allclose(rows[column], expected[rows.index])
        assert set(data.seeds) == {2}


def test_wide_intervals_do_not_squeeze_the_points(study):
    data = draw(study, "accuracy", "init").data.assign(half_width=300.0)
    low, high = FIGURES["accuracy"].draw(data).axes[0].get_ylim()
    assert -5 < low < data.top1.min()
    assert data.top1.max() < high < 105


def test_heatmap_by_hand(study):
    data = draw(study, "heatmap").data
    tables = [run.table.set_index("route") for run in replicates(study).values()]
    assert set(data.route) == {route for route in tables[0].index if ">" in route}
    row = data[(data.front_block == 0) & (data.back_block == 1)].iloc[0]
    assert row.top1 == pytest.approx(50 * sum(table.top1["0.0>1.1"] for table in tables))


def test_residual_by_hand(study):
    drawing = draw(study, "residual")
    runs = replicates(study).values()
    found = []
    for run in runs:
        layers = run.read_table("layer")
        serving = [n for n, pairs in layers.pairs.items() if "0>1" in pairs.split()]
        found.append(layers.residual[serving[0]])
    row = drawing.data.set_index("route").loc["0.0>1.1"]
    assert row.residual == pytest.approx(np.mean(found))
    rank = stats.spearmanr(drawing.data.residual, drawing.data.top1).statistic
    assert f"{rank:.2f}".replace("-", "−") in drawing.caption
    assert replicates(study, init="kaiming")[0].read_table("layer") is None


def test_latency_is_the_mean_of_the_runs_medians(study):
    """Of the baseline alone: runs of other levels were timed at other times."""
    drawing = draw(study, "latency")
    tables = [run.read_table("latency") for run in replicates(study).values()]
    rows = drawing.data
    assert rows.latency.tolist() == pytest.approx(sum(table.latency / 2 for table in tables))
    device = replicates(study)[0].tags["device"]
    assert f"Measured on {device}." in drawing.caption
    assert "ms for 64 images" in drawing.figure.axes[0].get_xlabel()


def test_one_network_alone_is_no_number_of_stitches(solo):
    assert ("windows", "trained") not in applicable(solo)


def test_cost_by_hand(solo):
    drawing = draw(solo, "cost")
    found = drawing.data.set_index(["quantity", "of"]).value
    joint, alone = (solo.replicates({"trained": name})[0] for name in ("jointly", "alone"))
    networks, anchors = joint.table, joint.table[joint.table.is_anchor]
    assert found["parameters stored", "each alone"] == pytest.approx(networks.params.sum() / 1e6)
    stored = found["parameters stored", "one SN-Net"] * 1e6
    assert anchors.params.sum() < stored == joint.metrics["stored_params"]
    epochs = found["training"]  # the anchors' recipe has 15
    assert epochs.to_dict() == {"one SN-Net": 15 + 15 + 2, "each alone": 2 * len(networks)}
    passes = found["forward passes in training"] * 1e12
    an_epoch = 32 * alone.metrics["passes"] / 2  # images
    assert passes["each alone"] == pytest.approx(2 * an_epoch * networks.macs.sum())
    both = solo.replicates({"trained": "jointly"}).values()
    together = sum(16 * (run.table.visits * run.table.macs).sum() for run in both)
    assert passes["one SN-Net"] == pytest.approx(15 * an_epoch * anchors.macs.sum() + together)
    times = networks.params.sum() / joint.metrics["stored_params"]
    assert f"parameters stored: {times:.3g} times" in drawing.caption
    gaps = [
        run.table.top1.iloc[0] - other.table.set_index("route").top1[run.table.route.iloc[0]]
        for run, other in (
            (
                solo.replicates({"trained": "alone"})[seed],
                solo.replicates({"trained": "jointly"})[seed],
            )
            for seed in solo.replicates({"trained": "jointly"})
        )
    ]
    assert f"{abs(100 * np.mean(gaps)):.1f} points of top-1" in drawing.caption


def test_epochs_are_what_the_runs_logged(study, home):
    data = draw(study, "epochs", "init").data
    key = replicates(study, init="kaiming")[1].key
    (progress,) = home.glob(f"runs/*{key}*/result/progress-*.jsonl")
    logged = [json.loads(line) for line in progress.read_text().splitlines()]
    losses = [entry["metrics"]["loss"] for entry in logged if "metrics" in entry]
    rows = data[(data.level == "kaiming") & (data.seed == 1)]
    assert rows.epoch.tolist() == [1, 2]
    assert rows.value.tolist() == pytest.approx(losses)


def test_windows_by_hand(study):
    data = draw(study, "windows", "kernel").data.set_index("level")
    for label, level in (("2 (baseline)", "2"), ("1", "1")):
        tables = [run.table for run in replicates(study, kernel=level).values()]
        assert data.stitches[label] == len(tables[0]) - 2
        assert data.area[label] == pytest.approx(50 * sum(front_area(t) for t in tables))
        assert np.isnan(data.half_width[label])  # of two seeds


def test_interaction_is_the_difference_of_differences(study):
    drawing = draw(study, "interaction")
    assert len(drawing.data) == 8

    def mean(seed, **changes):
        return 100 * replicates(study, **changes)[seed].metrics["mean_top1"]

    beyond = [
        mean(s, kernel="1", init="kaiming")
        - mean(s, kernel="1")
        - mean(s, init="kaiming")
        + mean(s)
        for s in (0, 1)
    ]
    expected = f"{np.mean(beyond):+.1f}".replace("-", "−")
    assert f"kernel × initialisation {expected} points " in drawing.caption


def test_numbers_stand_in_order_across_an_interaction_and_words_as_they_come():
    assert in_order(["50", "15", "100"]) == ["15", "50", "100"]
    assert in_order(["least_squares", "kaiming"]) == ["least_squares", "kaiming"]


def test_effects_name_levels_with_other_stitches(study):
    words = draw(study, "effects").caption
    assert "kernel 1 has other stitches than the baseline" in words
    assert "init" not in words
    assert "Means over 2 seeds" in words


def test_the_papers_points_lie_under_ours(paper):
    published = draw(paper, "published")
    assert len(published.data) == 71
    assert "71 sub-networks of family deit" in published.caption
    accuracy = draw(paper, "accuracy", "rule")
    theirs = accuracy.data[accuracy.data.level == "SN-Net paper"]
    assert theirs.top1.tolist() == published.data.top1.tolist()
    assert "Grey: the 71 points of the authors' released evaluation" in accuracy.caption
    assert "One seed: no interval can be given." in accuracy.caption
    assert "Sub-networks: 4 for plain, 4 for momentum." in accuracy.caption


def test_what_the_authors_released_is_drawn_without_any_run(tmp_path):
    done = run_ablate(tmp_path / "home", "report", "--published", "--format", "png")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "home/reports/published"
    families = ("deit", "levit", "resnet", "resnet-swin", "swin")
    assert {path.name for path in folder.iterdir()} == {f"{one}-published.png" for one in families}
    out = ("--format", "csv", "--output", str(tmp_path))
    assert run_ablate(tmp_path / "home", "report", "--published", *out).returncode == 0
    for family, rows, route in (("deit", 71, "0.0>1.0"), ("swin", 41, "0.0>1.1")):
        table = pd.read_csv(tmp_path / f"{family}-published.csv")
        assert len(table) == rows
        assert route in set(table.route)


def test_mistakes_are_named(study, home):
    for arguments, words in (
        (("acuracy",), "there is no figure 'acuracy': did you mean accuracy?"),
        (("accuracy", "innit"), "there is no axis 'innit': did you mean init?"),
        (("accuracy",), "figure accuracy is of one axis: name one of kernel, init"),
        (("effects", "init"), "figure effects is of the whole study: leave the axis init out"),
        (("windows", "init"), "cannot be drawn: all levels have equally many stitches"),
        (("published",), "the authors published nothing for family vit at scale digits"),
    ):
        with pytest.raises(UserError, match=re.escape(words)):
            draw(study, *arguments)
    with pytest.raises(UserError, match="only the baseline's has runs"):
        draw(study_of(home, "alone"), "difference")


def test_without_the_baseline_nothing_is_compared(study):
    gone = {run.key for run in replicates(study).values()}
    rest = dataclasses.replace(study, runs={k: r for k, r in study.runs.items() if k not in gone})
    assert applicable(rest) == []


def test_a_study_without_axes_has_a_page(home, tmp_path):
    page = build_report(f"sqlite:///{home / 'mlflow.db'}", "alone", tmp_path)
    assert (tmp_path / "accuracy.png").exists()
    text = page.read_text()
    assert "the baseline alone" in text
    assert "2 of 2 finished" in text


def test_a_new_file_is_a_new_figure(study, tmp_path, monkeypatch):
    text = (Path(reports.figures.__path__[0]) / "visits.py").read_text()
    (tmp_path / "again.py").write_text(text.replace('"Visits"', '"Visits once more"'))
    monkeypatch.setattr(reports.figures, "__path__", [*reports.figures.__path__, str(tmp_path)])
    found = reports.figures.find()
    assert found.keys() - FIGURES.keys() == {"again"}
    assert found["again"].title == "Visits once more"


def test_a_step_that_was_done_again_counts_as_it_was_last(home, study):
    run = replicates(study)[0]
    before = run.read_curve("loss")
    client = connect(f"sqlite:///{home / 'mlflow.db'}")
    client.log_metric(run.run_id, "progress/loss", 7.5, step=2)
    assert run.read_curve("loss") == {**before, 2: 7.5}
    assert run.read_curve("nothing") == {}


def test_points_say_what_they_are(chromium, home, study, tmp_path):
    page = chromium.new_page()
    page.goto(build_report(f"sqlite:///{home / 'mlflow.db'}", "small", tmp_path).as_uri())
    count = page.evaluate("document.querySelectorAll('#init-accuracy title').length")
    assert count == 2 * len(replicates(study)[0].table)
    place = page.locator("#init-accuracy g:has(> title)").first
    place.scroll_into_view_if_needed()
    words = place.evaluate(
        """group => {
            const box = group.getBoundingClientRect();
            const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
            return document.elementFromPoint(x, y).closest('g:has(> title)').textContent.trim();
        }"""
    )
    data = draw(study, "accuracy", "init").data
    called = data.between.where(data.is_anchor, "stitch " + data.route)
    row = data.assign(called=called).set_index(["level", "called"])
    found = re.match(r"((?:stitch )?\S+), (.*): (\S+) million MACs, (\S+) ", words)
    expected = row.loc[found[2], found[1]]
    assert float(found[3]) == pytest.approx(expected.macs / 1e6, rel=1e-3)
    assert float(found[4]) == pytest.approx(expected.top1, abs=0.051)
    tip = page.locator(".tip")
    assert not tip.is_visible()
    box = page.locator("#heatmap g:has(> title)").first
    box.scroll_into_view_if_needed()
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    box.hover()  # the scrolling, of which pages hear later, would hide it
    assert re.fullmatch(r"stitch \S+: \S+ million MACs, \S+ %", tip.text_content())
    assert tip.is_visible()
    page.close()
