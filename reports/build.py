"""Builds the report of a study: figures as PNG and PDF, and one self-contained page."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ablations.errors import UserError, quoted
from ablations.files import writing
from ablations.refused import Refused
from ablations.runs.home import one_name
from ablations.terminal.display import warn
from ablations.tracking.contact import reaching
from ablations.tracking.names import metric
from ablations.tracking.reader import MENDING, TrackedStudy, read_plans, read_study
from ablations.tracking.store import connect
from reports.own import use as use  # the command calls it
from reports.own import used_files
from reports.pages.links import Links
from reports.pages.names import figure_name, place_among
from reports.pages.neighbours import related
from reports.pages.publishing import PAGE, publish

if TYPE_CHECKING:
    from ablations.study.plan import Plan
    from reports.data.verdicts import Verdict
    from reports.drawing.figure import Drawing


def build_report(uri: str, name: str, target: Path, ui: str | None = None) -> Path:
    """Draw the report of study `name` from the tracking store `uri` into the folder `target`.

    Arguments:
        ui: address of the MLflow UI that the page leads to, see `reports.pages.links`.

    Returns the path of `index.html`, which is written last. Other files there stay as they are.
    A report of the same runs by the same code would be the same bytes and is not redrawn.

    Raises:
        UserError: the study is not tracked, or no run of it has finished.
    """
    study = _checked(read_study(uri, name), uri)
    neighbours = None
    if (target.parent / PAGE).exists():  # the page over all studies
        plans = [plan for _, plan in read_plans(connect(uri), Refused()).values()]
        there = [one for one in plans if (target.parent / one_name(one.study) / PAGE).exists()]
        neighbours = related(study.plan, there)
    return _draw(study, uri, target, ui, neighbours, {})


def build_all(uri: str, target: Path, ui: str | None = None) -> Path:
    """Draw the reports of all studies that have finished runs, and the page with all verdicts.

    Returns the path of that page; the studies' are in folders of their names beside it. What would
    be the same bytes is not redrawn, and no study is judged twice.

    Raises:
        UserError: no study is tracked, no run of any has finished, or, when the others are drawn,
            what is wrong with some.
    """
    refused = Refused()
    with reaching(uri):
        names = sorted(read_plans(connect(uri), refused), key=place_among)
    studies, drawn = [], []
    judged: dict[str, list[Verdict]] = {}
    for name in names:
        with refused.aside():  # one that cannot be drawn does not keep the others back
            study = read_study(uri, name)
            if study.runs or study.left_out:
                studies.append(_checked(study, uri))
    plans = [study.plan for study in studies]
    for study in studies:
        with refused.aside():
            folder = target / one_name(study.plan.study)
            _draw(study, uri, folder, ui, related(study.plan, plans), judged)
            drawn.append(study)
    if not drawn:
        refused.check()
        raise UserError(f"no run of any study is finished in {uri}; start with `ablate run`")
    page = _draw_index(drawn, target, Links.to(uri, ui), judged)
    refused.check()
    return page


def _draw_index(
    studies: Sequence[TrackedStudy], target: Path, links: Links, judged: dict[str, list[Verdict]]
) -> Path:
    """Draw the page over all studies unless it is there; `judged`: see `_verdicts`."""
    digests = "".join(_digest(study, links, None) for study in studies)
    digest, page = hashlib.sha256(digests.encode()).hexdigest(), target / PAGE
    if _is_current(page, digest):
        return page
    # matplotlib and scipy: only where something is drawn
    from reports.pages.index import build_index

    verdicts = [verdict for study in studies for verdict in _verdicts(study, judged)]
    return build_index(studies, verdicts, target, digest)


def save_published(file_format: str, target: Path, width: str = "page") -> list[Path]:
    """Draw what the paper's authors released, a figure a family, into the folder `target`.

    Needs no run: the same code draws it that draws it below a user's own points.

    Arguments:
        file_format, width: see `save_figure`.
    """
    from reports.data.paper import FOLDER, published_plan
    from reports.data.subject import Subject
    from reports.figures import FIGURES

    target.mkdir(parents=True, exist_ok=True)
    files = []
    for table in sorted(FOLDER.glob("*.csv")):
        study = TrackedStudy(published_plan(table.stem), {})
        drawing = FIGURES["published"].drawing(Subject(study), width)
        file = target / f"{table.stem}-published.{file_format}"
        files.append(_save(drawing, file_format, file, width))
    return files


def save_figure(
    uri: str,
    name: str,
    figure: str,
    axis: str | None,
    file_format: str,
    target: Path,
    width: str = "page",
) -> list[Path]:
    """Draw one figure of study `name` into the folder `target`; returns its files.

    Arguments:
        figure: its name, see `reports.figures`.
        axis: which one, for a figure of an axis; None: each.
        file_format: `png`, `pdf`, `svg`, or `csv`, `md`, `tex` for the data that it shows.
        width: one of `reports.drawing.style.WIDTHS`.

    Raises:
        UserError: the study is not tracked, or has no such figure or axis.
    """
    study = _checked(read_study(uri, name), uri)
    from reports.figures import FIGURES, applicable, draw

    apply = applicable(study)
    axes = [one for found, one in apply if found == figure and axis in (None, one)]
    if figure not in FIGURES or not axes:
        draw(study, figure, axis)  # says what is wrong
    target.mkdir(parents=True, exist_ok=True)
    files = []
    for one in axes:
        drawing = draw(study, figure, one, width)
        file = target / f"{figure_name(figure, one)}.{file_format}"
        files.append(_save(drawing, file_format, file, width))
    _tell_left_out(study)
    return files


def _save(drawing: Drawing, file_format: str, path: Path, width: str) -> Path:
    from reports.drawing import style
    from reports.pages import tables

    with writing(path) as temporary:
        if file_format in tables.FORMATS:
            temporary.write_text(tables.encode(drawing.data, file_format), encoding="utf-8")
        else:
            temporary.write_bytes(style.encode(drawing.figure, file_format, width))
    return path


def _checked(study: TrackedStudy, uri: str) -> TrackedStudy:
    """The study as it can be drawn: without metrics that are declared and that no run returned.

    Raises:
        UserError: it has nothing to draw, or runs without what is drawn.
    """
    plan, runs = study.plan, study.runs.values()
    told = tuple(one for one in plan.metrics if any(run.value(one) is not None for run in runs))
    if runs and (told or plan.table):
        for one in plan.metrics:
            if one not in told and not one.sometimes:
                warn(
                    f"study {plan.study}: no run returned {quoted(one.name)}, a metric that its "
                    "experiment declares: it is left out"
                )
        study = replace(study, plan=replace(plan, metrics=told))
    _check(study, uri)
    return study


def _check(study: TrackedStudy, uri: str) -> None:
    """Refuse a study that has nothing to draw, or runs without what is drawn."""
    from reports.data.score import score_of

    name, table = study.plan.study, study.plan.table
    scores = table.scores if table else ()
    columns = [table.row, *(one.name for one in scores if not one.sometimes)] if table else []
    columns += [table.cost.name] if table and table.cost else []
    columns += [table.marked] if table and table.marked else []
    for run in study.runs.values():
        missing = [one for one in columns if one not in run.table]
        told = [one for one in study.plan.metrics if not one.sometimes]
        missing += [one.name for one in told if metric(one.name) not in run.metrics]
        if table and score_of(table, run.table) is None:
            missing += [one.name for one in scores if one.name not in missing]
        if missing:
            raise UserError(
                f"run {run.key} has no {', '.join(missing)}, which its experiment says that it has"
            )
    if not study.runs and study.left_out:
        raise UserError(_left_out(study))
    if not study.runs:
        raise UserError(f"no run of study {name} is finished in {uri}; `ablate status {name}`")


def _tell_left_out(study: TrackedStudy) -> None:
    if study.left_out:
        warn(_left_out(study))
    if several := study.not_finite:
        first = ", ".join(several[:3]) + (", ..." if len(several) > 3 else "")
        warn(
            f"{study.plan.study}: {len(several)} metrics are left out, for they are infinite or no "
            f"numbers: {first}"
        )


def _left_out(study: TrackedStudy) -> str:
    first = "; ".join(study.left_out[:3])
    return f"{study.plan.study}: {len(study.left_out)} tables are left out: {first}; {MENDING}"


def _draw(
    study: TrackedStudy,
    uri: str,
    target: Path,
    ui: str | None,
    neighbours: Sequence[Plan] | None,
    judged: dict[str, list[Verdict]],
) -> Path:
    """Draw a study unless its page is there.

    Arguments:
        neighbours: see `reports.pages.page.render_page`.
        judged: see `_verdicts`.
    """
    links = Links.to(uri, ui)
    digest = _digest(study, links, neighbours)
    page = target / PAGE
    if not _is_current(page, digest):
        # matplotlib and scipy: only where something is drawn
        from reports.pages.attaching import attach
        from reports.pages.page import render_page

        verdicts = _verdicts(study, judged)
        page = publish(
            target,
            lambda folder: render_page(study, verdicts, folder, links, digest, neighbours),
        )
        attach(uri, study, verdicts, page)
    _tell_left_out(study)
    return page


def _verdicts(study: TrackedStudy, judged: dict[str, list[Verdict]]) -> list[Verdict]:
    """The verdicts on the claims of a study, which take seconds.

    Arguments:
        judged: those that are known, by the names of studies; the new ones are added.
    """
    from reports.data.verdicts import judge

    if study.plan.study not in judged:
        verdicts = judge([study])
        for one in verdicts:
            if one.evidence.trouble:
                words = f"claim {quoted(one.claim.words)}: {one.evidence.trouble}"
                warn(f"study {study.plan.study}: {words}")
        judged[study.plan.study] = verdicts
    return judged[study.plan.study]


def _digest(study: TrackedStudy, links: Links, neighbours: Sequence[Plan] | None) -> str:
    """The digest of all that a report depends on: plan, runs, where it leads, and all code."""
    content = hashlib.sha256(json.dumps(study.plan.record(), sort_keys=True).encode())
    beside = None if neighbours is None else [(one.study, one.title) for one in neighbours]
    content.update(f"{links.base} {study.experiment} {beside}".encode())
    for key in sorted(study.runs):
        run = study.runs[key]
        content.update(f"{key} {run.run_id} {sorted(run.tags.items())}".encode())
    own = [path for path in Path(__file__).parent.rglob("*.*") if path.suffix != ".pyc"]
    for path in [*sorted(own), *used_files()]:
        content.update(path.read_bytes())
    return content.hexdigest()


def _is_current(page: Path, digest: str) -> bool:
    if not page.exists():
        return False
    text = page.read_text(encoding="utf-8")
    files = re.findall(r'href="([^"#:]+)"', text)
    return digest in text and all((page.parent / unquote(name)).exists() for name in files)
