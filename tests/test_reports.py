"""Figures, tables and the page: drawn from MLflow, right in their numbers, whole in a browser."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import TOY
from hypothesis import given
from hypothesis import strategies as st

from ablations.tracking.reader import TrackedRun, read_study
from reports.build import build_report
from reports.data.front import front_area, front_at, pareto_front
from reports.data.levels import Level, axis_levels, mean_gain, told_apart
from reports.pages import tables
from reports.pages.links import Links
from reports.pages.page import render_page
from reports.statistics.interval import estimate


def stitches(points, anchors=2):
    table = pd.DataFrame(points, columns=["macs", "top1"])
    table["is_anchor"] = [n < anchors for n in range(len(table))]
    return table


def test_front_and_area_by_hand():
    table = stitches([(0, 0.5), (10, 0.9), (4, 0.7), (6, 0.6)])
    assert pareto_front(table).macs.tolist() == [0, 4, 10]
    # 0.5 on [0, 4), 0.7 on [4, 10)
    assert front_area(table) == pytest.approx(0.4 * 0.5 + 0.6 * 0.7)
    assert np.isnan(front_at(table, np.array([-1.0]))[0])


points = st.lists(st.tuples(st.integers(1, 99), st.floats(0, 1)), min_size=0, max_size=20).map(
    lambda inner: stitches([(0, 0.1), (100, 0.9), *inner])
)


@given(points)
def test_nothing_beats_the_front(table):
    front = pareto_front(table)
    assert front.macs.is_monotonic_increasing
    assert (np.diff(front.top1) > 0).all()
    assert (front_at(table, table.macs.to_numpy(dtype=float)) >= table.top1).all()
    assert 0 <= front_area(table) <= 1


@given(points, st.integers(1, 99), st.floats(0, 1))
def test_another_stitch_never_lowers_the_area(table, macs, top1):
    more = pd.concat([table, pd.DataFrame([{"macs": macs, "top1": top1, "is_anchor": False}])])
    assert front_area(more) >= front_area(table) - 1e-12


def test_intervals_against_a_textbook():
    found = estimate([4.0, 6.0, 8.0])  # sd 2, t(0.975, 2) = 4.3027
    assert found.mean == 6
    assert found.half_width == pytest.approx(4.3027 * 2 / 3**0.5, rel=1e-4)
    assert found.text() == "6.0 ± 5.0"
    assert estimate([-4.0]).text(sign=True) == "−4.0"
    assert estimate([]).text() == "–"


@pytest.fixture(scope="module")
def tracked_home(tmp_path_factory):
    from conftest import run_ablate

    home = tmp_path_factory.mktemp("reports") / "home"
    done = run_ablate(home, "run", TOY, "--seeds", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    return home


@pytest.fixture(scope="module")
def uri(tracked_home):
    return f"sqlite:///{tracked_home / 'mlflow.db'}"


def test_levels_pair_seeds(uri):
    study = read_study(uri, "toy", "stitch")
    baseline, momentum = axis_levels(study, "rule")
    assert (baseline.label, momentum.label) == ("plain", "momentum")
    assert baseline.is_baseline
    assert not momentum.is_baseline
    expected = [
        100 * (momentum.runs[s].metrics["mean_top1"] - baseline.runs[s].metrics["mean_top1"])
        for s in range(3)
    ]
    gain = mean_gain(momentum, baseline)
    assert gain.mean == pytest.approx(np.mean(expected))
    assert gain.n == 3
    assert baseline.stitches.loc["0.0>1.1"].half_width > 0


def test_stitches_are_told_apart_by_the_images_that_only_one_gets_right():
    def level(**wrong):
        """One seed, 83 images; of each route so many of the first are wrong."""
        bits = [np.packbits(np.arange(83) >= count).tobytes() for count in wrong.values()]
        table = pd.DataFrame({"route": list(wrong), "correct": bits})
        return Level("axis", "level", False, {0: TrackedRun("", "", {}, {}, table)}, 1)

    ours = level(better=0, worse=20, same=3, near=1, alone=0)
    theirs = level(better=20, worse=0, same=3, near=5)  # 4 images: p = 0.125
    assert told_apart(ours, theirs) == (1, 1, 4)
    assert told_apart(theirs, theirs) == (0, 0, 4)


def test_the_report_is_whole_and_stable(tracked_home, uri, tmp_path):
    one = build_report(uri, "toy", tmp_path / "one").parent
    two = build_report(uri, "toy", tmp_path / "two").parent
    names = {path.name for path in one.iterdir()}
    for axis in ("rate", "rule", "pace"):
        for kind in ("accuracy", "difference"):
            assert {f"{axis}-{kind}.png", f"{axis}-{kind}.pdf"} <= names
    for path in one.iterdir():
        assert path.read_bytes() == (two / path.name).read_bytes(), path.name
    page = (one / "index.html").read_text()
    assert "Means over 3 seeds" in page
    assert "12 of 12 finished" in page
    # self-contained: nothing is fetched
    assert not re.findall(r'(?:src|href)="(?!data:|#)[^"]*\.(?:png|css|js)"', page)
    own = "http://127.0.0.1:5000/#/experiments/"  # where `ablate ui` serves; followed, not fetched
    assert set(re.findall(r"\S*http\S*", page)) == set(re.findall(rf'href="{own}\S*', page))


def test_one_seed_is_said_and_missing_runs_are_shown(tracked_home, uri, tmp_path):
    study = read_study(uri, "toy", "stitch")
    single = {**study.plan, "cells": [c for c in study.plan["cells"] if c["seed"] == 0]}
    del study.runs[next(c["key"] for c in single["cells"] if c["levels"]["rule"] == "momentum")]
    folder = tmp_path / "page"
    folder.mkdir()
    page = render_page(type(study)(single, study.runs), folder, Links.to(uri))
    assert "One seed: no interval can be given." in page
    assert "Runs are missing: momentum (0 of 1 seeds)." in page
    assert page.count(", not finished</td>") == 1


def test_a_page_leads_to_its_runs_and_its_tables(uri, tmp_path):
    study = read_study(uri, "toy", "stitch")
    page = build_report(uri, "toy", tmp_path, "https://me:secret@mlflow.example/").read_text()
    assert "secret" not in page
    links = dict(re.findall(r'href="(https://mlflow.example/\S+)">(\w+)<', page))
    assert len(study.runs) == 12
    for run in study.runs.values():
        assert links[f"https://mlflow.example/#/experiments/1/runs/{run.run_id}"] == run.key
    assert "https://mlflow.example/#/experiments/1/runs?viewStateShareKey=toy-rule&amp;" in page
    table = pd.read_csv(tmp_path / "rule-summary.csv").set_index("level")
    gain = mean_gain(*reversed(axis_levels(study, "rule"))).text(sign=True)
    cell = table["mean top-1 after, % (against baseline)"]["momentum"]
    assert cell.endswith(f"({gain})")
    assert (
        f"| momentum | 3/3 | 4 | {table.iloc[1, 2]} | {cell} |"
        in (tmp_path / "rule-summary.md").read_text()
    )
    text = (tmp_path / "rule-summary.tex").read_text()
    assert r"$\pm$" in text
    assert "±" not in text
    (tmp_path / "rule-summary.tex").unlink()  # then the report is drawn again
    build_report(uri, "toy", tmp_path, "https://me:secret@mlflow.example/")
    assert (tmp_path / "rule-summary.tex").exists()


def test_tables_hold_what_latex_and_markdown_take():
    table = pd.DataFrame({"route": ["0.0>1.1 | x", "0_1"], "gain, %": [-1.5, np.nan], "n": [5, 7]})
    table["text"] = ["−1.5 ± 0.2", "10¹² MACs × 2 – or < 3"]
    text = tables.encode(table, "tex")
    assert text.isascii()
    assert r"0.0\textgreater{}1.1 | x & -1.5 & 5 & $-$1.5 $\pm$ 0.2 \\" in text
    assert r"0\_1 & -- & 7 & $10^{12}$ MACs $\times$ 2 -- or \textless{} 3 \\" in text
    lines = tables.encode(table, "md").splitlines()
    assert lines[1:3] == ["| --- | --- | --- | --- |", "| 0.0>1.1 / x | -1.5 | 5 | −1.5 ± 0.2 |"]
    assert pd.read_csv(StringIO(tables.encode(table, "csv"))).equals(table)


def test_other_files_in_the_output_folder_stay(uri, tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    build_report(uri, "toy", tmp_path)
    build_report(uri, "toy", tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "mine"
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


def test_an_unchanged_report_is_not_drawn_again(uri, tmp_path):
    page = build_report(uri, "toy", tmp_path)
    before = page.stat().st_mtime_ns
    assert build_report(uri, "toy", tmp_path) == page
    assert page.stat().st_mtime_ns == before
    (tmp_path / "rule-accuracy.pdf").unlink()
    build_report(uri, "toy", tmp_path)
    assert (tmp_path / "rule-accuracy.pdf").exists()


def test_a_zipped_study_has_one_section(ablate, tmp_path):
    study = tmp_path / "zipped.py"
    again = 'STUDY = replace(STUDY, seeds=1, design="zipped")'
    study.write_text(f"{Path(TOY).read_text()}\nfrom dataclasses import replace\n{again}\n")
    assert ablate("run", str(study)).returncode == 0
    assert ablate("report", str(study)).returncode == 0
    report = tmp_path / "home" / "reports" / "zipped"
    assert (report / "rate-and-rule-and-pace-accuracy.png").exists()
    assert "2 of 2 finished" in (report / "index.html").read_text()


def test_runs_without_what_the_report_draws(ablate, tmp_path):
    study = tmp_path / "bare.py"
    study.write_text(Path(TOY).read_text().replace('"passes": float', '"laps": float'))
    assert ablate("run", str(study), "--seeds", "1").returncode == 0
    done = ablate("report", str(study))
    assert done.returncode == 2
    assert "has no passes" in done.stderr


def test_an_untracked_study_is_named(ablate):
    empty = ablate("report", "overview")
    assert empty.returncode == 2
    assert "run `ablate run overview` first" in empty.stderr


def test_the_page_in_a_browser(chromium, tracked_home, uri, tmp_path):
    page_file = build_report(uri, "toy", tmp_path / "report")
    for width, height in ((1366, 768), (390, 844)):
        page = chromium.new_page(viewport={"width": width, "height": height})
        page.goto(page_file.as_uri())
        drawn = page.evaluate("document.querySelectorAll('figure > svg').length")
        # of each axis accuracy, difference, start and epochs; of the study effects and heatmap
        assert drawn == page.locator("figure").count() == 3 * 4 + 2
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.close()
