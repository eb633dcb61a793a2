"""The figures of a report: each file here is one, named like the file, and holds a `FIGURE`."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules

from ablations.errors import UserError, nearest
from ablations.tracking.reader import TrackedStudy
from reports.data.levels import NothingToDrawError
from reports.data.subject import Subject
from reports.drawing.figure import Drawing, FigureKind


def find() -> dict[str, FigureKind]:
    """Every figure by name, in the order of the page."""
    kinds = {
        module.name: import_module(f"{__name__}.{module.name}").FIGURE
        for module in iter_modules(__path__)
    }
    return dict(sorted(kinds.items(), key=lambda item: (item[1].position, item[0])))


FIGURES: dict[str, FigureKind] = find()


def draw(study: TrackedStudy, name: str, axis: str | None = None, width: str = "page") -> Drawing:
    """A figure of a study: its data, the figure, and its caption.

    Arguments:
        axis: which one, for a figure of an axis; a study's only one may be left out.
        width: one of `reports.drawing.style.WIDTHS`.

    Raises:
        UserError: there is no such figure or axis, or the study does not have what it shows.
    """
    if name not in FIGURES:
        raise UserError(f"there is no figure {name!r}: {nearest(name, FIGURES)}")
    axes = [one.axis for one in Subject(study).axes() if one.axis]
    if axis and study.plan.search:
        raise UserError(f"there is no axis {axis!r}: a search has none, its best trial is drawn")
    subject = Subject(study, _axis_for(name, axes, axis))
    try:
        return FIGURES[name].drawing(subject, width)
    except NothingToDrawError as error:
        where = f"figure {name} of {study.plan.study}"
        raise UserError(f"{where} cannot be drawn: {error}") from None


def _axis_for(name: str, axes: Sequence[str], asked: str | None) -> str | None:
    """The axis that a figure is drawn of: the one asked for, or a study's only one."""
    if asked is not None and asked not in axes:
        known = nearest(asked, axes) if axes else "the study has none"
        raise UserError(f"there is no axis {asked!r}: {known}")
    if FIGURES[name].of == "study":
        if asked is not None:
            raise UserError(f"figure {name} is of the whole study: leave the axis {asked} out")
        return None
    if asked is None and len(axes) > 1:
        raise UserError(f"figure {name} is of one axis: name one of {', '.join(axes)}")
    return asked or next(iter(axes), None)


def applicable(study: TrackedStudy) -> list[tuple[str, str | None]]:
    """Every figure that `draw` can make of the study: its name, and the axis if it is of one."""
    found = []
    for name, kind in FIGURES.items():
        for subject in kind.subjects(Subject(study)):
            try:
                kind.data(subject)
            except NothingToDrawError:
                continue
            found.append((name, subject.axis))
    return found
