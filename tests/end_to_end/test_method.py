"""The whole way, from a study to its page."""

from __future__ import annotations

from helpers.commands import TINY


def test_the_real_method_from_end_to_end(ablate, tmp_path):
    """Anchors trained, stitched, initialised, trained, scored, tracked and drawn."""
    done = ablate("run", TINY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 of 3 runs done" in done.stdout
    report = ablate("report", "tiny")
    assert report.returncode == 0, report.stderr
    page = (tmp_path / "home" / "reports" / "tiny" / "index.html").read_text()
    assert "sandwich" in page
    assert "3 of 3 finished" in page
    cache = tmp_path / "home" / "cache" / "anchors"
    assert len(list(cache.glob("*.safetensors"))) == 2
