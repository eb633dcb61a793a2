"""The page over all studies: verdicts, from MLflow alone, the same bytes for the same data."""

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path

import pytest

from helpers.commands import TINY, TOY, run_ablate

# its runs are made once
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("index")]
CLAIMS = """
from dataclasses import replace

from ablations.study.claim import Claim

STUDY = replace(STUDY, claims=[
    Claim("Momentum is better", "top1", {"rule": "momentum"}, {"rule": "plain"}),
    Claim("Twice the steps bring nothing", "front_area", {"pace": "10"}, {"pace": "5"},
              "equivalent", margin=0.5),
])
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("index")
    study, home = folder / "judged.py", folder / "home"
    study.write_text(Path(TOY).read_text() + CLAIMS)
    assert run_ablate(home, "run", str(study), "--seeds", "4").returncode == 0
    assert run_ablate(home, "run", TINY, "--set", "epochs=3").returncode == 0
    return home


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}


def test_every_claim_has_a_verdict_that_leads_to_its_study(home):
    done = run_ablate(home, "report", "--all")
    assert done.returncode == 0, done.stderr
    folder = home / "reports"
    page = (folder / "index.html").read_text()
    assert "2 claims: 1 supported, 1 contradicted, 0 undecided." in " ".join(page.split())
    for link in re.findall(r'<a href="([^"]+)"', page):
        path, _, place = link.partition("#")
        assert (folder / path).exists(), link
        assert not place or f'id="{place}"' in (folder / path).read_text(), link
    assert 'href="./judged/index.html#rule-accuracy"' in page
    assert 'href="./judged/index.html#rule-summary"' in page
    assert {"judged", "tiny-epochs-3"} <= {path.name for path in folder.iterdir()}
    rows = list(csv.DictReader((folder / "claims.csv").open()))
    told = [(row["claim"], row["verdict"], row["seeds"], row["planned"]) for row in rows]
    assert told == [
        ("Momentum is better", "supported", "4", "4"),
        ("Twice the steps bring nothing", "contradicted", "4", "4"),
    ]
    assert all(float(row["p_corrected"]) < 0.05 for row in rows)
    assert "| judged | Momentum is better | supported | +" in (folder / "claims.md").read_text()
    assert r"judged & Momentum is better & supported" in (folder / "claims.tex").read_text()


def test_it_needs_the_tracking_store_alone_and_is_the_same_again(home, tmp_path):
    output = ("report", "--all", "--output")
    assert run_ablate(home, *output, str(tmp_path / "one")).returncode == 0
    without = tmp_path / "home"
    shutil.copytree(home, without)
    shutil.rmtree(without / "runs")
    shutil.rmtree(without / "studies")
    uri = f"sqlite:///{home}/mlflow.db"
    done = run_ablate(without, *output, str(tmp_path / "two"), "--tracking-uri", uri)
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_studies_without_claims_are_listed_without_an_empty_plot(tmp_path):
    home = tmp_path / "home"
    assert run_ablate(home, "run", TOY, "--seeds", "1").returncode == 0
    assert run_ablate(home, "report", "--all").returncode == 0
    page = (home / "reports/index.html").read_text()
    assert "None of these studies makes a claim." in page
    assert 'href="./toy/index.html"' in page
    assert "All effects" not in page
    assert not (home / "reports/forest.png").exists()


def test_what_is_asked_for_must_be_clear(home):
    for arguments in ((), ("judged", "--all"), ("judged", "--published")):
        refused = run_ablate(home, "report", *arguments)
        assert refused.returncode == 2
        assert "name a study, or ask for --all of them" in refused.stderr


def test_the_page_in_a_browser(home, chromium, tmp_path):
    folder = tmp_path / "reports"
    assert run_ablate(home, "report", "--all", "--output", str(folder)).returncode == 0
    page = chromium.new_page(viewport={"width": 900, "height": 1000}, java_script_enabled=False)
    page.goto(f"file://{folder}/index.html")
    assert page.locator("tbody tr").count() == 2
    assert page.evaluate("document.documentElement.scrollWidth") <= 900
    assert page.locator("figure svg").evaluate("svg => svg.clientWidth") > 500
    page.get_by_role("link", name="judged").first.click()
    page.wait_for_url("**/judged/index.html")
    page.close()
