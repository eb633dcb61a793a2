"""One page over all studies: the verdicts first, each leading to the report of its study."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import replace
from pathlib import Path
from typing import Any

from ablations.tracking.names import hours_metric
from ablations.tracking.reader import TrackedRun, TrackedStudy
from reports.data import provenance
from reports.data.levels import keep_stitches
from reports.data.verdicts import Verdict
from reports.drawing.forest import forest
from reports.drawing.style import figure_style, save
from reports.pages.answers import answers
from reports.pages.claims import claims_table, save_claims
from reports.pages.fonts import font_faces
from reports.pages.names import figure_name, table_name
from reports.pages.page import EVERYWHERE, template
from reports.pages.publishing import publish
from reports.pages.scales import NOTHING, by_scale, on_all, scales_table
from reports.pages.svg import figure_svg
from reports.pages.tables import save_tables
from reports.statistics.confidence import CONFIDENCE_WORDS, EQUIVALENCE_WORDS
from reports.statistics.evidence import effect_words


def build_index(
    studies: Sequence[TrackedStudy], verdicts: Sequence[Verdict], target: Path, digest: str = ""
) -> Path:
    """Write index.html, the forest plot and the tables to `target`.

    The reports of the studies are expected in folders of their names beside it.

    Arguments:
        verdicts: on the claims of all.
        digest: of what the page depends on, by which it is known again.
    """
    facts = facts_of(studies)

    def render(folder: Path) -> str:
        save_claims(verdicts, facts, folder)
        if verdicts:
            save_tables(scales_table(verdicts), folder / "scales")
        svg = ""
        if any(verdict.evidence.n_seeds for verdict in verdicts):
            with figure_style():
                figure = forest(verdicts)
            svg = figure_svg(figure, "forest", "All effects")
            save(figure, folder / "forest")
        return _render(studies, verdicts, facts, svg, digest)

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
    facts: dict[str, str],
    svg: str,
    digest: str,
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
    scales = list(dict.fromkeys(verdict.scale for verdict in verdicts))
    grid = [_grid_row(found, scales, stitches) for found in by_scale(verdicts)]
    return template("index.html.jinja").render(
        digest=digest,
        studies=[_summary(study) for study in studies],
        rows=rows,
        counts=counts,
        scales=scales,
        grid=grid,
        shared=any(row["on_all"] != NOTHING for row in grid),
        facts=facts,
        forest=svg,
        confidence=CONFIDENCE_WORDS,
        equivalence_confidence=EQUIVALENCE_WORDS,
        fonts=font_faces(svg),
        scripts=EVERYWHERE,
    )


def _summary(study: TrackedStudy) -> dict[str, Any]:
    """A study in the list of them, with what it says where no claim says it."""
    claims = len(study.plan.claims)
    said = [] if claims else [replace(one, axis="") for one in answers(study, [])]
    return {"plan": study.plan, "finished": len(study.runs), "claims": claims, "answers": said}


def _grid_row(
    found: dict[str, Verdict], scales: Sequence[str], stitches: Set[str]
) -> dict[str, Any]:
    """A claim, and a cell for each scale: what was found there, and where it is drawn."""
    one = next(iter(found.values()))
    cells = [
        {
            "verdict": verdict.evidence.verdict,
            "effect": effect_words(verdict.evidence),
            "study": verdict.study,
            "figure": _figure_of(verdict, stitches),
        }
        if (verdict := found.get(scale))
        else None
        for scale in scales
    ]
    return {
        "claim": one.claim.words,
        "study": one.asked_by,
        "cells": cells,
        "on_all": on_all(found),
    }


def _figure_of(verdict: Verdict, stitches: Set[str]) -> str:
    """The id, on the page of its study, of the figure that shows what a claim is about."""
    figure = "start" if verdict.claim.measure.endswith("_before") else "accuracy"
    if verdict.study not in stitches:
        figure = "metric"
    return figure_name(figure, verdict.axis)
