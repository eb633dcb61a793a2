"""The page over all studies: verdicts, from MLflow alone, the same bytes for the same data."""

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from helpers.commands import TOY, run_ablate
from reports.data import verdicts

# its runs are made once
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("index")]
JUDGE = verdicts.judge
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
    assert run_ablate(home, "run", TOY, "--seeds", "1", "--set", "pace=5").returncode == 0
    return home


@pytest.fixture(scope="module")
def judged():
    """The names of studies that were judged in this process, as often as they were."""
    names = []

    def judge(studies):
        names.extend(study.plan.study for study in studies)
        return JUDGE(studies)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verdicts, "judge", judge)
        yield names


@pytest.fixture(scope="module")
def drawn(home, judged):
    """The home's reports, drawn once; each study is judged once."""
    judged.clear()
    done = run_ablate(home, "report", "--all")
    assert done.returncode == 0, done.stderr
    assert sorted(judged) == ["judged", "toy-pace-5"]
    return home / "reports"


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}


def test_every_claim_has_a_verdict_that_leads_to_its_study(drawn):
    page = (drawn / "index.html").read_text()
    assert "2 claims: 1 supported, 1 contradicted, 0 undecided." in " ".join(page.split())
    for link in re.findall(r'<a href="([^"]+)"', page):
        path, _, place = link.partition("#")
        target = drawn / (path or "index.html")
        assert target.exists(), link
        assert not place or f'id="{place}"' in target.read_text(), link
    assert 'href="./judged/index.html#rule-accuracy"' in page
    assert 'href="./judged/index.html#rule-summary"' in page
    assert {"judged", "toy-pace-5"} <= {path.name for path in drawn.iterdir()}
    rows = list(csv.DictReader((drawn / "claims.csv").open()))
    told = [(row["claim"], row["verdict"], row["seeds"], row["planned"]) for row in rows]
    assert told == [
        ("Momentum is better", "supported", "4", "4"),
        ("Twice the steps bring nothing", "contradicted", "4", "4"),
    ]
    assert all(float(row["p_corrected"]) < 0.05 for row in rows)
    scales = list(csv.DictReader((drawn / "scales.csv").open()))
    assert [row["claim"] for row in scales] == [row["claim"] for row in rows]
    assert list(scales[0])[-1] == "small (parabola)"
    assert scales[0]["small (parabola)"].startswith("supported: +")
    assert "| judged | Momentum is better | supported | +" in (drawn / "claims.md").read_text()
    assert r"judged & Momentum is better & supported" in (drawn / "claims.tex").read_text()


def test_it_needs_the_tracking_store_alone_and_is_the_same_again(home, drawn, tmp_path):
    without = tmp_path / "home"
    shutil.copytree(home, without)
    for name in ("runs", "studies", "reports"):
        shutil.rmtree(without / name)
    uri = f"sqlite:///{home}/mlflow.db"
    output = ("--output", str(tmp_path / "two"))
    done = run_ablate(without, "report", "--all", *output, "--tracking-uri", uri)
    assert done.returncode == 0, done.stderr
    assert contents(drawn) == contents(tmp_path / "two")


def test_studies_without_claims_are_listed_without_an_empty_plot(tmp_path):
    home = tmp_path / "home"
    one_axis = ("--seeds", "1", "--set", "rate=0.1", "--set", "pace=5", "--name", "few")
    assert run_ablate(home, "run", TOY, *one_axis).returncode == 0
    assert run_ablate(home, "report", "--all").returncode == 0
    page = (home / "reports/index.html").read_text()
    assert "None of these studies makes a claim." in page
    assert 'href="./few/index.html"' in page
    assert "All effects" not in page
    assert not (home / "reports/forest.png").exists()


def test_what_is_asked_for_must_be_clear(home):
    for arguments in ((), ("judged", "--all"), ("judged", "--published")):
        refused = run_ablate(home, "report", *arguments)
        assert refused.returncode == 2
        assert "name a study, or ask for --all of them" in refused.stderr


def test_the_page_in_a_browser(drawn, chromium):
    page = chromium.new_page(viewport={"width": 900, "height": 1000}, java_script_enabled=False)
    page.goto(f"file://{drawn}/index.html")
    assert page.locator("#scales tbody tr").count() == page.locator("#claims tbody tr").count() == 2
    assert page.evaluate("document.documentElement.scrollWidth") <= 900
    assert page.locator("figure svg").evaluate("svg => svg.clientWidth") > 500
    cell = page.locator("#scales tr", has_text="Momentum is better").get_by_role("link")
    assert cell.text_content() == "supported"
    cell.click()
    page.wait_for_url("**/judged/index.html#rule-accuracy")
    page.get_by_role("navigation", name="Studies").get_by_role("link").last.click()
    page.wait_for_url("**/toy-pace-5/index.html")  # which changes the same axes
    page.get_by_role("link", name="All studies").click()
    page.wait_for_url(f"file://{drawn}/index.html")
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible(drawn, chromium, scheme):
    page = chromium.new_page(viewport={"width": 900, "height": 1000}, color_scheme=scheme)
    page.goto(f"file://{drawn}/index.html")
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    page.close()
    assert found.violations_count == 0, found.generate_report()


def test_what_is_there_is_neither_judged_nor_drawn_again(home, drawn, judged, tmp_path):
    shutil.copytree(drawn, tmp_path, dirs_exist_ok=True)
    asked = ("report", "--all", "--output", str(tmp_path))
    judged.clear()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("index.html")}
    assert run_ablate(home, *asked).returncode == 0
    assert not judged
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("index.html")} == before
    (tmp_path / "claims.csv").unlink()
    assert run_ablate(home, *asked).returncode == 0
    assert (tmp_path / "claims.csv").exists()


def test_a_study_that_is_drawn_alone_leads_to_the_others_beside_it(home, drawn):
    page = drawn / "judged/index.html"
    before = page.read_bytes()
    assert run_ablate(home, "report", "judged").returncode == 0
    assert page.read_bytes() == before
