"""The page of a report: its figures, captions and tables."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from ablations.tracked import TrackedStudy
from reports import captions, figures
from reports.interval import Estimate
from reports.levels import Level, anchor_changes, area, area_gain, axis_levels, mean_gain, percent
from reports.style import figure_style, save

DESIGNS = {
    "one_factor": "one factor at a time",
    "factorial": "every combination; the figures hold the other axes at the baseline",
    "zipped": "levels of all axes changed together",
}


@dataclass(frozen=True)
class Picture:
    """A figure of the page: its file name without ending, its PNG as text, its caption."""

    name: str
    data: str
    caption: str


@dataclass(frozen=True)
class Section:
    """One axis on the page."""

    axis: str
    pictures: list[Picture]
    rows: list[dict[str, str]]
    remark: str


def render_page(study: TrackedStudy, folder: Path, digest: str = "") -> str:
    """The page as HTML; its figures are written into `folder` as well."""
    by_axis = {axis: axis_levels(study, axis) for axis in study.plan["axes"]}
    drawn = {axis: [level for level in levels if level.runs] for axis, levels in by_axis.items()}
    # without the baseline there is nothing to compare with; the section says what is missing
    drawn = {axis: levels for axis, levels in drawn.items() if levels and levels[0].is_baseline}
    with figure_style():
        overview = None
        if any(len(levels) > 1 for levels in drawn.values()):
            overview = _picture(
                folder,
                "effects",
                figures.effects(list(drawn.values())),
                "Each level against the baseline, all else equal; the numbers are those of the "
                "filled points. Levels of direction and window have other stitches than the "
                "baseline: there the area under the front compares what a budget buys (a space "
                "with more stitches has more tries at that). "
                + captions.seeds_sentence([level for levels in drawn.values() for level in levels]),
            )
        sections = [
            _section(folder, axis, drawn.get(axis, []), levels) for axis, levels in by_axis.items()
        ]
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("reports", "."), autoescape=True, trim_blocks=True
    )
    return environment.get_template("page.html.jinja").render(
        digest=digest, plan=study.plan, facts=_facts(study), overview=overview, sections=sections
    )


def _section(folder: Path, axis: str, drawn: Sequence[Level], levels: Sequence[Level]) -> Section:
    missing = [f"{level.label} ({len(level.runs)} of {level.planned} seeds)"
               for level in levels if len(level.runs) < level.planned]  # fmt: skip
    remark = f"Runs are missing: {', '.join(missing)}." if missing else ""
    if not drawn:
        remark += " Without the baseline's runs there is nothing to compare with."
    pictures = []
    if drawn:
        pictures.append(
            _picture(
                folder,
                f"{slug(axis)}-accuracy",
                figures.accuracy_over_macs(drawn),
                captions.accuracy_caption(axis, drawn),
            )
        )
    if len(drawn) > 1:
        pictures.append(
            _picture(
                folder,
                f"{slug(axis)}-difference",
                figures.difference_from_baseline(drawn),
                captions.difference_caption(drawn),
            )
        )
    rows = [summary_row(level, levels[0]) for level in levels]
    return Section(axis, pictures, rows, remark)


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

    return row | {
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


def _picture(folder: Path, name: str, figure: Any, caption: str) -> Picture:
    png = save(figure, folder / name)
    return Picture(name, base64.b64encode(png.read_bytes()).decode(), caption)


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
        "design": DESIGNS[study.plan["design"]],
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
