"""The page of a report: its figures, captions and tables."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import jinja2
import pandas as pd

from ablations.tracking.reader import TrackedStudy
from reports.data.levels import (
    Level,
    anchor_changes,
    area,
    area_gain,
    mean_gain,
    percent,
    told_apart,
)
from reports.data.subject import NothingToDrawError, Subject
from reports.data.verdicts import judge
from reports.drawing.figure import FigureKind
from reports.drawing.style import inline_svg, save
from reports.figures import FIGURES
from reports.pages.claims import claims_table
from reports.pages.links import Links
from reports.pages.tables import save_tables
from reports.statistics.interval import Estimate

DESIGNS = {
    "one_factor": "one factor at a time",
    "factorial": "every combination; the figures hold the other axes at the baseline",
    "zipped": "levels of all axes changed together",
    "search": "settings that Optuna chose one after the other: no designed comparison",
}

SUMMARY = {
    "level": "level",
    "seeds": "seeds",
    "stitches": "sub-networks",
    "before": "mean top-1 before, %",
    "mean": "mean top-1 after, % (against baseline)",
    "area": "area under front, % (against baseline)",
    "worst": "worst sub-network, % (route)",
    "pairs": "better / worse on the same images (McNemar)",
    "anchors": "anchors: change by training, points",
    "seconds": "training, s",
    "passes": "sub-network passes",
}


@dataclass(frozen=True)
class Picture:
    """A figure of the page: its file name without ending, and what to show."""

    name: str
    title: str
    svg: str
    caption: str


@dataclass(frozen=True)
class Section:
    """One axis on the page, or the baseline of a study that has none."""

    name: str
    table: str  # file name of its table, without ending
    pictures: list[Picture]
    rows: list[list[str]]
    remark: str
    view: str  # in the MLflow UI


def render_page(study: TrackedStudy, folder: Path, links: Links, digest: str = "") -> str:
    """The page as HTML; its figures and tables are written into `folder` as well."""
    whole = Subject(study)
    pictures = _pictures(folder, whole, "study")
    sections = [_section(folder, subject, links) for subject in whole.axes() or [whole]]
    return template("page.html.jinja").render(
        digest=digest,
        plan=study.plan,
        facts=_facts(study),
        claims=claims_table(judge([study])).to_dict("records"),
        overview=pictures[:1],
        sections=sections,
        others=pictures[1:],
        columns=list(SUMMARY.values()),
        runs=_runs(study, links),
    )


def template(name: str) -> jinja2.Template:
    """One of the pages in this folder."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("reports", "pages"), autoescape=True, trim_blocks=True
    )
    return environment.get_template(name)


def table_name(axis: str | None) -> str:
    """The file name of the table of an axis, without ending; also its place on the page."""
    return f"{slug(axis)}-summary" if axis else "summary"


def _section(folder: Path, subject: Subject, links: Links) -> Section:
    levels = subject.planned
    missing = [f"{level.label} ({len(level.runs)} of {level.planned} seeds)"
               for level in levels if len(level.runs) < level.planned]  # fmt: skip
    remark = f"Runs are missing: {', '.join(missing)}." if missing else ""
    if not levels[0].runs:
        remark += " Without the baseline's runs there is nothing to compare with."
    rows = [summary_row(level, levels[0]) for level in levels]
    table = pd.DataFrame(rows).reindex(columns=list(SUMMARY)).fillna("\N{EN DASH}")
    name = table_name(subject.axis)
    save_tables(table.rename(columns=SUMMARY), folder / name)
    return Section(
        subject.axis or "baseline",
        name,
        _pictures(folder, subject, "axis"),
        table.to_numpy().tolist(),
        remark,
        links.view(subject.study, subject.axis),
    )


def _runs(study: TrackedStudy, links: Links) -> list[dict[str, str]]:
    """Every planned run: what it is, where it is tracked, and what it comes from."""
    rows = []
    for cell in study.plan.cells:
        row = {"name": cell.name, "key": cell.key}
        run = study.runs.get(cell.key)
        if run:
            row |= {
                "link": links.run(study, run),
                "code": _code(run.tags),
                "device": run.tags.get("device", ""),
                "seconds": f"{run.metrics.get('run_seconds', float('nan')):.0f}",
            }
        rows.append(row)
    return rows


def _pictures(folder: Path, subject: Subject, of: str) -> list[Picture]:
    """Every figure that applies."""
    found = []
    for name, kind in FIGURES.items():
        if kind.of == of:
            file = f"{slug(subject.axis)}-{name}" if subject.axis else name
            with suppress(NothingToDrawError):
                found.append(_picture(folder / file, kind, subject))
    return found


def _picture(path: Path, kind: FigureKind, subject: Subject) -> Picture:
    _, figure, caption = kind.drawing(subject)
    svg = inline_svg(figure)
    save(figure, path)
    return Picture(path.name, kind.title, svg, caption)


def summary_row(level: Level, baseline: Level) -> dict[str, str]:
    """A level in the summary table; a cell without finished runs shows a dash."""
    row = {"level": level.name, "seeds": f"{len(level.runs)}/{level.planned}"}
    if not level.runs:
        return row
    tables = [run.table for run in level.runs.values()]
    worst = str(level.stitches.top1.idxmin())

    def against(change: Callable[[Level, Level], Estimate]) -> str:
        return "" if level.is_baseline else f" ({change(level, baseline).text(sign=True)})"

    def mean(metric: str) -> str:
        return f"{sum(run.metrics[metric] for run in level.runs.values()) / len(tables):.0f}"

    better, worse, pairs = told_apart(level, baseline)
    return row | {
        "pairs": f"{better} / {worse} of {pairs}" if pairs and not level.is_baseline else "",
        "stitches": f"{len(tables[0])}",
        "before": percent(level, "mean_top1_before").text(),
        "mean": percent(level, "mean_top1").text() + against(mean_gain),
        "area": area(level).text() + against(area_gain),
        "worst": f"{100 * level.stitches.top1[worst]:.1f} ({worst})",
        "anchors": ", ".join(e.text(sign=True) for e in anchor_changes(level)),
        "seconds": mean("train_seconds"),
        "passes": mean("passes"),
    }


def slug(name: str) -> str:
    """A file name for an axis."""
    return re.sub(r"[^A-Za-z0-9_]+", "-", name)


def _facts(study: TrackedStudy) -> dict[str, str]:
    """Where the numbers come from."""
    cells = study.plan.runs
    seeds = {cell.seed for cell in study.plan.cells}
    runs = list(study.runs.values())
    shas = sorted({_code(run.tags) for run in runs})
    return {
        "runs": f"{len(runs)} of {len(cells)} finished",
        "seeds": "one seed, so no intervals" if len(seeds) == 1 else f"{len(seeds)} seeds",
        "scale": f"{study.plan.scale}, {study.plan.family}",
        "design": DESIGNS[study.plan.design] if study.plan.axes else "the baseline alone",
        "baseline": ", ".join(f"{a} {level}" for a, level in study.plan.baseline.items()),
        "settings": ", ".join(
            f"{name} {value}"
            for name, value in study.plan.settings.items()
            if not isinstance(value, list | dict)
        ),
        "code": ", ".join(shas),
        "versions": ", ".join(
            f"{name.removeprefix('version.')} {value}"
            for name, value in sorted(runs[0].tags.items())
            if name.startswith("version.")
        ),
    }


def _code(tags: dict[str, str]) -> str:
    sha = tags.get("git_sha", "not under git")[:10]
    return f"{sha} with local changes" if tags.get("git_dirty") == "true" else sha
