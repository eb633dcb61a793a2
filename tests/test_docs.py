"""The site of the documentation."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def gather():
    pytest.importorskip("yaml")
    spec = importlib.util.spec_from_file_location("gather", ROOT / "docs" / "gather.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_links_of_all_pages_lead_somewhere(gather, tmp_path):
    assert gather.gather(tmp_path / "docs") == []


def test_a_link_that_leads_nowhere_is_told(gather, tmp_path, monkeypatch):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "one.md").write_text(
        "[here](two.md) [out](../three.txt#x) [web](http://x)"
    )
    monkeypatch.setattr(gather, "ROOT", tmp_path)
    monkeypatch.setattr(gather, "DOCS", tmp_path / "docs")
    page = tmp_path / "docs" / "one.md"
    (tmp_path / "three.txt").touch()
    assert gather.bring(tmp_path / "site", tmp_path / "site" / "one.md", page) == [
        "docs/one.md links to two.md, which is not there"
    ]
    assert "[out](three.txt#x)" in (tmp_path / "site" / "one.md").read_text()


def test_the_reference_names_modules_that_are_there(gather):
    named = gather.modules()
    assert len(named) > 10
    for name in named:
        assert importlib.util.find_spec(name), name


@pytest.mark.slow
def test_the_site_is_made_without_a_warning(gather, tmp_path):
    for package in ("zensical", "mkdocstrings"):
        pytest.importorskip(package, reason=f"needs {package} (extra docs)")
    assert gather.gather(tmp_path / "build" / "docs") == []
    settings = (ROOT / "mkdocs.yml").read_text().replace("paths: [.]", f"paths: ['{ROOT}']")
    (tmp_path / "mkdocs.yml").write_text(settings)
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    page = (tmp_path / "site" / "reference" / "ablations.api" / "index.html").read_text()
    assert "replicates of every run" in page
    assert (tmp_path / "site" / "index.html").exists()
