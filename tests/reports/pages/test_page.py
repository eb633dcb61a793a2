"""The page of a study: its words, its links, and how it fits a screen."""

from __future__ import annotations

import re
from dataclasses import replace

import pandas as pd

from ablations.tracking.reader import read_study
from reports.build import build_report
from reports.data.levels import axis_levels, gain
from reports.data.verdicts import judge
from reports.pages.links import Links
from reports.pages.page import render_page


def test_one_seed_is_said_and_missing_runs_are_shown(tracked_home, uri, tmp_path):
    study = read_study(uri, "toy")
    single = replace(study.plan, cells=tuple(c for c in study.plan.cells if c.seed == 0))
    del study.runs[next(c.key for c in single.cells if c.levels["rule"] == "momentum")]
    folder = tmp_path / "page"
    folder.mkdir()
    one_seed = type(study)(single, study.runs)
    page = render_page(one_seed, judge([one_seed]), folder, Links.to(uri))
    assert "One seed: no interval can be given." in page
    assert "Runs are missing: momentum (0 of 1 seeds)." in page
    assert page.count(", not finished</td>") == 1


def test_a_page_leads_to_its_runs_and_its_tables(uri, tmp_path):
    study = read_study(uri, "toy")
    page = build_report(uri, "toy", tmp_path, "https://me:secret@mlflow.example/").read_text()
    assert "secret" not in page
    links = dict(re.findall(r'href="(https://mlflow.example/\S+)">(\w+)<', page))
    assert len(study.runs) == 12
    for run in study.runs.values():
        address = f"https://mlflow.example/#/experiments/1/runs/{run.run_id}"
        assert links[f"{address}?workflowType=machine_learning"] == run.key
    assert "https://mlflow.example/#/experiments/1/runs?viewStateShareKey=toy.rule&amp;" in page
    table = pd.read_csv(tmp_path / "rule-summary.csv").set_index("level")
    plain, momentum = axis_levels(study, "rule")
    change = gain(momentum, plain, lambda run: 100 * run.metrics["mean_top1"])
    cell = table["mean top-1 accuracy after, % (against baseline)"]["momentum"]
    assert cell.endswith(f"({change.text(sign=True)})")
    assert (
        f"| momentum | 3/3 | 4 | {table.iloc[1, 2]} | {cell} |"
        in (tmp_path / "rule-summary.md").read_text()
    )
    text = (tmp_path / "rule-summary.tex").read_text()
    assert r"$\pm$" in text
    assert "±" not in text


def test_the_page_in_a_browser(chromium, drawn):
    for width, height in ((1366, 768), (390, 844)):
        page = chromium.new_page(viewport={"width": width, "height": height})
        page.goto((drawn / "index.html").as_uri())
        shown = page.evaluate("document.querySelectorAll('figure > svg').length")
        # of each axis accuracy, difference, start and epochs; of the study effects and heatmap
        assert shown == page.locator("figure").count() == 3 * 4 + 2
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.close()
