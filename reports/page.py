"""The page of a report: its figures, captions and tables."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import jinja2

from ablations.tracked import TrackedStudy
from reports.claims import claims_table
from reports.figure import FigureKind
from reports.figures import FIGURES
from reports.interval import Estimate
from reports.levels import Level, anchor_changes, area, area_gain, mean_gain, percent, told_apart
from reports.style import inline_svg, save
from reports.subject import NothingToDrawError, Subject
from reports.verdicts import judge

DESIGNS = {
    "one_factor": "one factor at a time",
    "factorial": "every combination; the figures hold the other axes at the baseline",
    "zipped": "levels of all axes changed together",
    "search": "settings that Optuna chose one after the other: no designed comparison",
}


@dataclass(frozen=True)
class Picture:
    """A figure of the page: its file name without ending, and what to show."""

    name: str
    title: str
    image: str  # a PNG in base64, or an SVG element
    is_svg: bool
    caption: str


@dataclass(frozen=True)
class Section:
    """One axis on the page, or the baseline of a study that has none."""

    name: str
    pictures: list[Picture]
    rows: list[dict[str, str]]
    remark: str


def render_page(study: TrackedStudy, folder: Path, digest: str = "") -> str:
    """The page as HTML; its figures are written into `folder` as well."""
    whole = Subject(study)
    pictures = _pictures(folder, whole, "study")
    sections = [_section(folder, subject) for subject in whole.axes() or [whole]]
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("reports", "."), autoescape=True, trim_blocks=True
    )
    return environment.get_template("page.html.jinja").render(
        digest=digest,
        plan=study.plan,
        facts=_facts(study),
        claims=claims_table(judge([study])).to_dict("records"),
        overview=pictures[:1],
        sections=sections,
        others=pictures[1:],
    )


def _section(folder: Path, subject: Subject) -> Section:
    levels = subject.planned
    missing = [f"{level.label} ({len(level.runs)} of {level.planned} seeds)"
               for level in levels if len(level.runs) < level.planned]  # fmt: skip
    remark = f"Runs are missing: {', '.join(missing)}." if missing else ""
    if not levels[0].runs:
        remark += " Without the baseline's runs there is nothing to compare with."
    rows = [summary_row(level, levels[0]) for level in levels]
    return Section(subject.axis or "baseline", _pictures(folder, subject, "axis"), rows, remark)


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
    image = inline_svg(figure) if kind.speaking else ""
    png = save(figure, path)
    image = image or base64.b64encode(png.read_bytes()).decode()
    return Picture(path.name, kind.title, image, kind.speaking, caption)


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
    cells = {cell["key"] for cell in study.plan["cells"]}
    seeds = {cell["seed"] for cell in study.plan["cells"]}
    runs = list(study.runs.values())
    shas = sorted({_code(run.tags) for run in runs})
    return {
        "runs": f"{len(runs)} of {len(cells)} finished",
        "seeds": "one seed, so no intervals" if len(seeds) == 1 else f"{len(seeds)} seeds",
        "scale": f"{study.plan['scale']}, {study.plan['family']}",
        "design": DESIGNS[study.plan["design"]] if study.plan["axes"] else "the baseline alone",
        "baseline": ", ".join(f"{a} {level}" for a, level in study.plan["baseline"].items()),
        "settings": ", ".join(
            f"{name} {value}"
            for name, value in study.plan["settings"].items()
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
