"""The page of a report: its figures, captions and tables."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import jinja2
import pandas as pd

from ablations.study.plan import Plan
from ablations.tracking.names import RUN_SECONDS
from ablations.tracking.reader import TrackedRun, TrackedStudy
from reports.data import provenance
from reports.data.levels import NothingToDrawError, keep_stitches
from reports.data.subject import Subject
from reports.data.verdicts import Verdict
from reports.drawing.figure import FigureKind
from reports.drawing.style import save
from reports.figures import FIGURES
from reports.pages.answers import answers
from reports.pages.claims import claims_table
from reports.pages.fonts import font_faces
from reports.pages.links import Links
from reports.pages.names import figure_name, table_name
from reports.pages.points import points_of, rows_of
from reports.pages.routes import anchors_of, routes_sentence
from reports.pages.summary import summary_table
from reports.pages.svg import figure_svg
from reports.pages.tables import save_tables
from reports.statistics.confidence import CONFIDENCE_WORDS, EQUIVALENCE_WORDS, LEVEL

EVERYWHERE = ("tip.js", "sorting.js", "printing.js")
# in the order in which they build on each other; the last opens the linked view
OF_THE_VIEW = (
    "points.js",
    "scale.js",
    "route.js",
    "plot.js",
    "marks.js",
    "told.js",
    "dragging.js",
    "controls.js",
    "view.js",
)
# columns of figures' data that the linked view tells of the baseline's rows, by heading
MEASURED = {"latency (ms a batch)": "latency", "residual of the fit": "residual"}

DESIGNS = {
    "one_factor": "one factor at a time",
    "factorial": "every combination; the figures hold the other axes at the baseline",
    "zipped": "levels of all axes changed together",
    "search": "settings that Optuna chose one after the other: no designed comparison",
}


@dataclass(frozen=True)
class Picture:
    """A figure of the page: its file name without suffix, what to show, and its data."""

    name: str
    title: str
    svg: str
    caption: str
    data: pd.DataFrame


@dataclass(frozen=True)
class Section:
    """One axis on the page, or the baseline of a study that has none."""

    name: str
    table: str  # file name of its table, without suffix
    pictures: list[Picture]
    columns: list[str]
    rows: list[list[str]]
    remark: str
    view: str  # in the MLflow UI


def render_page(
    study: TrackedStudy,
    verdicts: Sequence[Verdict],
    folder: Path,
    links: Links,
    digest: str = "",
    neighbours: Sequence[Plan] | None = None,
) -> str:
    """The page as HTML; its figures and tables are written into `folder` as well.

    Arguments:
        verdicts: on its claims.
        neighbours: related studies, whose pages lie beside this one, to be linked; None where
            there is no page over all studies either.
    """
    whole = Subject(study)
    pictures = _pictures(folder, whole, "study")
    sections = [_section(folder, subject, links) for subject in whole.axes() or [whole]]
    points = points_of(study, _measured(pictures))
    svgs = [item.svg for one in sections for item in one.pictures]
    return template("page.html.jinja").render(
        digest=digest,
        plan=study.plan,
        neighbours=neighbours,
        facts=_facts(study),
        answers=answers(study, verdicts),
        claims=claims_table(verdicts).to_dict("records"),
        points=points,
        row_heading=points.columns[1] if points else "",
        anchors=anchors_of(study),
        routes=routes_sentence(study),
        whole=pictures,
        sections=sections,
        stitches=keep_stitches(study.runs.values(), study.plan.table),
        level=LEVEL,
        confidence=CONFIDENCE_WORDS,
        equivalence_confidence=EQUIVALENCE_WORDS,
        runs=_runs(study, links),
        fonts=font_faces("".join([*svgs, *(item.svg for item in pictures)])),
        scripts=[*EVERYWHERE, *(OF_THE_VIEW if points else ())],
    )


def template(name: str) -> jinja2.Template:
    """One of the pages in this folder."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("reports", "pages"), autoescape=True, trim_blocks=True
    )
    return environment.get_template(name)


def _measured(pictures: Sequence[Picture]) -> dict[str, dict[str, float]]:
    """What figures of the whole study measured of the baseline's rows, by heading and row."""
    found: dict[str, dict[str, float]] = {}
    for item in pictures:
        for heading, column in MEASURED.items():
            if {"route", column} <= set(item.data):
                means = item.data.groupby("route")[column].mean()
                found[heading] = {str(row): float(value) for row, value in means.items()}
    return found


def _section(folder: Path, subject: Subject, links: Links) -> Section:
    levels = subject.planned
    missing = [f"{level.label} ({len(level.runs)} of {level.planned} seeds)"
               for level in levels if len(level.runs) < level.planned]  # fmt: skip
    remark = f"Runs are missing: {', '.join(missing)}." if missing else ""
    if not levels[0].runs:
        remark += " Without the baseline's runs there is nothing to compare with."
    table, name = summary_table(levels, subject.study), table_name(subject.axis)
    save_tables(table, folder / name)
    return Section(
        subject.axis or "baseline",
        name,
        _pictures(folder, subject, "axis"),
        list(table.columns),
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
                "code": _code(run),
                "device": provenance.device(run),
                "seconds": f"{run.metrics.get(RUN_SECONDS, float('nan')):.0f}",
            }
        rows.append(row)
    return rows


def _pictures(folder: Path, subject: Subject, of: str) -> list[Picture]:
    """Every figure that applies."""
    found, rows = [], rows_of(subject.study)
    for name, kind in FIGURES.items():
        if kind.of == of:
            with suppress(NothingToDrawError):
                file = folder / figure_name(name, subject.axis)
                found.append(_picture(file, kind, subject, rows))
    return found


def _picture(path: Path, kind: FigureKind, subject: Subject, rows: dict[str, str]) -> Picture:
    data, figure, caption = kind.drawing(subject)
    svg = figure_svg(figure, path.name, kind.title, rows)
    save(figure, path)
    return Picture(path.name, kind.title, svg, caption, data)


def _facts(study: TrackedStudy) -> dict[str, str]:
    """Where the numbers come from."""
    cells = study.plan.runs
    seeds = {cell.seed for cell in study.plan.cells}
    runs = list(study.runs.values())
    shas = sorted({_code(run) for run in runs})
    return {
        "runs": f"{len(runs)} of {len(cells)} finished",
        "seeds": "one seed, so no intervals" if len(seeds) == 1 else f"{len(seeds)} seeds",
        "the same for all seeds": ", ".join(study.plan.fixed),
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
            f"{name} {version}" for name, version in provenance.versions(runs[0]).items()
        ),
    }


def _code(run: TrackedRun) -> str:
    sha = provenance.commit(run)[:10] or "not under git"
    return f"{sha} with local changes" if provenance.has_local_changes(run) else sha
