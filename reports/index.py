"""One page over all studies: the verdicts first, each leading to the report of its study."""

from __future__ import annotations

import base64
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import jinja2

from ablations.tracked import TrackedStudy
from reports.claims import claims_table, save_claims
from reports.forest import forest
from reports.style import figure_style, save
from reports.verdicts import Verdict, judge


def build_index(studies: Sequence[TrackedStudy], target: Path) -> Path:
    """Judge all claims together; writes index.html, the forest plot and the tables to `target`.

    The reports of the studies are expected in folders of their names beside it.
    """
    verdicts = judge(studies)
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target, prefix=".", suffix=".tmp") as temporary:
        folder = Path(temporary)
        save_claims(verdicts, folder)
        with figure_style():
            png = save(forest(verdicts), folder / "forest")
        page = _render(studies, verdicts, png.read_bytes())
        (folder / "index.html").write_text(page, encoding="utf-8")
        for name in ("claims.md", "claims.tex", "claims.csv", "forest.png", "forest.pdf"):
            os.replace(folder / name, target / name)
        os.replace(folder / "index.html", target / "index.html")
    return target / "index.html"


def _render(studies: Sequence[TrackedStudy], verdicts: Sequence[Verdict], png: bytes) -> str:
    rows = claims_table(verdicts).to_dict("records")
    counts = {
        name: sum(row["verdict"] == name for row in rows)
        for name in ("supported", "contradicted", "undecided")
    }
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("reports", "."), autoescape=True, trim_blocks=True
    )
    return environment.get_template("index.html.jinja").render(
        studies=[study.plan for study in studies],
        rows=rows,
        counts=counts,
        forest=base64.b64encode(png).decode(),
    )
