"""One page over all studies: the verdicts first, each leading to the report of its study."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from pathlib import Path

import pandas as pd

from ablations.tracking.names import hours_metric
from ablations.tracking.reader import TrackedRun, TrackedStudy
from reports.data import provenance
from reports.data.levels import keep_stitches
from reports.data.verdicts import Verdict, judge
from reports.drawing.forest import forest
from reports.drawing.style import figure_style, inline_svg, save
from reports.pages.claims import claims_table, save_claims
from reports.pages.names import figure_name, table_name
from reports.pages.page import template
from reports.pages.publishing import publish
from reports.pages.scales import scales_table
from reports.pages.tables import save_tables
from reports.statistics.confidence import CONFIDENCE_WORDS, EQUIVALENCE_WORDS


def build_index(studies: Sequence[TrackedStudy], target: Path) -> Path:
    """Judge all claims; writes index.html, the forest plot and the tables to `target`.

    The reports of the studies are expected in folders of their names beside it.
    """
    verdicts, facts = judge(studies), facts_of(studies)
    scales = scales_table(verdicts)

    def render(folder: Path) -> str:
        save_claims(verdicts, facts, folder)
        if len(scales):
            save_tables(scales, folder / "scales")
        svg = ""
        if any(verdict.evidence.n_seeds for verdict in verdicts):
            with figure_style():
                figure = forest(verdicts)
            svg = inline_svg(figure)
            save(figure, folder / "forest")
        return _render(studies, verdicts, scales, facts, svg)

    return publish(target, render)


def facts_of(studies: Sequence[TrackedStudy]) -> dict[str, str]:
    """Where the numbers come from: how many runs, what they took, on what, by which code."""
    runs = {run.key: run for study in studies for run in study.runs.values()}
    planned = {cell.key for study in studies for cell in study.plan.cells}
    scales = {f"{study.plan.scale} ({study.plan.family})" for study in studies}
    hours = {
        unit: sum(run.metrics.get(hours_metric(unit), 0.0) for run in runs.values())
        for unit in ("cpu", "gpu")
    }

    def all_of(read: Callable[[TrackedRun], str]) -> str:
        return ", ".join(sorted({read(run) for run in runs.values()} - {""}))

    def version(package: str) -> str:
        return all_of(lambda run: provenance.versions(run).get(package, ""))

    packages = sorted({name for run in runs.values() for name in provenance.versions(run)})
    return {
        "scale": ", ".join(sorted(scales)),
        "runs": f"{len(runs)} of {len(planned)} finished",
        "cost": f"{hours['cpu']:.1f} CPU-hours"
        + (f", {hours['gpu']:.1f} GPU-hours" if hours["gpu"] else "")
        + " in the last attempts",
        "device": all_of(provenance.device),
        "code": all_of(provenance.commit)
        + (" with local changes" if any(map(provenance.has_local_changes, runs.values())) else ""),
        "versions": ", ".join(f"{package} {version(package)}" for package in packages),
    }


def _render(
    studies: Sequence[TrackedStudy],
    verdicts: Sequence[Verdict],
    scales: pd.DataFrame,
    facts: dict[str, str],
    svg: str,
) -> str:
    stitches = {
        study.plan.study
        for study in studies
        if keep_stitches(study.runs.values(), study.plan.table)
    }
    rows = [
        {**row, "figure": _figure_of(verdict, stitches), "table": table_name(verdict.axis)}
        for row, verdict in zip(claims_table(verdicts).to_dict("records"), verdicts, strict=True)
    ]
    counts = {
        name: sum(row["verdict"] == name for row in rows)
        for name in ("supported", "contradicted", "undecided")
    }
    return template("index.html.jinja").render(
        studies=[study.plan for study in studies],
        rows=rows,
        counts=counts,
        scales=scales,
        facts=facts,
        forest=svg,
        confidence=CONFIDENCE_WORDS,
        equivalence_confidence=EQUIVALENCE_WORDS,
    )


def _figure_of(verdict: Verdict, stitches: Set[str]) -> str:
    """The id, on the page of its study, of the figure that shows what a claim is about."""
    figure = "start" if verdict.claim.measure.endswith("_before") else "accuracy"
    if verdict.study not in stitches:
        figure = "metric"
    return figure_name(figure, verdict.axis)
