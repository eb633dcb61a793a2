"""Reports: whole, stable and drawn no more often than need be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from helpers.commands import TOY, run_ablate
from reports.build import build_report


def test_the_report_is_whole(drawn):
    names = {path.name for path in drawn.iterdir()}
    for axis in ("rate", "rule", "pace"):
        for kind in ("accuracy", "difference"):
            assert {f"{axis}-{kind}.png", f"{axis}-{kind}.pdf"} <= names
    page = (drawn / "index.html").read_text()
    assert "Means over 3 seeds" in page
    assert "12 of 12 finished" in page
    # self-contained: nothing is fetched
    assert not re.findall(r'(?:src|href)="(?!data:|#)[^"]*\.(?:png|css|js)"', page)
    own = "http://127.0.0.1:5000/#/experiments/"  # where `ablate ui` serves; followed, not fetched
    assert set(re.findall(r"\S*http\S*", page)) == set(re.findall(rf'href="{own}\S*', page))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_bytes_are_drawn_beside_other_files(drawn, uri, tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    build_report(uri, "toy", tmp_path)
    assert contents(tmp_path) == {**contents(drawn), "thesis.tex": b"mine"}


@pytest.mark.parametrize("name", ["rule-accuracy.pdf", "rule-summary.tex"])
def test_an_unchanged_report_is_drawn_again_only_where_a_file_is_missing(uri, tmp_path, name):
    page = build_report(uri, "small", tmp_path)
    before = page.stat().st_mtime_ns
    assert build_report(uri, "small", tmp_path) == page
    assert page.stat().st_mtime_ns == before
    (tmp_path / name).unlink()
    build_report(uri, "small", tmp_path)
    assert (tmp_path / name).exists()


def test_a_zipped_study_has_one_section(ablate, tmp_path):
    study = tmp_path / "zipped.py"
    again = 'STUDY = replace(STUDY, seeds=1, design="zipped")'
    study.write_text(f"{Path(TOY).read_text()}\nfrom dataclasses import replace\n{again}\n")
    assert ablate("run", str(study)).returncode == 0
    assert ablate("report", str(study)).returncode == 0
    report = tmp_path / "home" / "reports" / "zipped"
    assert (report / "rate-and-rule-and-pace-accuracy.png").exists()
    assert "2 of 2 finished" in (report / "index.html").read_text()


def test_figures_come_as_wide_as_a_paper_has_them(tracked_home, tmp_path):
    figure = ("report", "toy", "--figure", "effects", "--format", "svg", "--output", str(tmp_path))
    for width, points in (("column", 237.6), ("full", 496.8)):
        assert run_ablate(tracked_home, *figure, "--width", width).returncode == 0
        assert f'width="{points}pt"' in (tmp_path / "effects.svg").read_text()
    refused = run_ablate(tracked_home, "report", "toy", "--width", "full")
    assert refused.returncode == 2
    assert "--width goes with --figure and --published" in refused.stderr


def test_no_two_figures_are_the_same(drawn):
    pictures = [path.read_bytes() for path in drawn.glob("*.png")]
    assert len(set(pictures)) == len(pictures) > 10


def test_an_untracked_study_is_named(ablate):
    empty = ablate("report", "overview")
    assert empty.returncode == 2
    assert "run `ablate run overview` first" in empty.stderr
