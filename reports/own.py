"""Figures and measures that a user wrote, beside those of this package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from ablations.errors import UserError
from ablations.study.calls import call
from ablations.study.catalogue import execute_file

_used: dict[Path, None] = {}


def use(paths: Sequence[Path]) -> None:
    """Add what users' files hold: a `FIGURE`, called as the file is, and `MEASURES` by name.

    Arguments:
        paths: files, or folders with files; names that begin with `_` are left out.

    Raises:
        UserError: there is no such file, it fails, it holds neither, or it takes a name that is
            taken.
    """
    for path in paths:
        if not path.exists():
            raise UserError(f"--with {path}: there is no such file or folder")
        files = sorted(path.glob("[!_]*.py")) if path.is_dir() else [path]
        if not files:
            raise UserError(f"--with {path}: the folder holds no file NAME.py")
        for file in map(Path.resolve, files):
            if file not in _used:
                _add(file)
                _used[file] = None


def used_files() -> list[Path]:
    """The files that were added."""
    return list(_used)


def _add(file: Path) -> None:
    # matplotlib: only where something is drawn
    from reports.data.measures import MEASURES, Measure
    from reports.drawing.figure import FigureKind
    from reports.figures import FIGURES

    module = execute_file(file)
    figure, measures = getattr(module, "FIGURE", None), getattr(module, "MEASURES", {})
    if figure is None and not measures:
        raise UserError(f"{file} holds neither a FIGURE nor MEASURES: see docs/extending.md")
    if figure is not None and not isinstance(figure, FigureKind):
        raise UserError(f"{file}: FIGURE should be a reports.drawing.figure.FigureKind")
    for name, measure in dict(measures).items():
        if not isinstance(measure, Measure):
            raise UserError(f"{file}: measure {name!r} should be a reports.data.measures.Measure")
    taken = [name for name in measures if name in MEASURES]
    taken += [file.stem] if figure is not None and file.stem in FIGURES else []
    if taken:
        raise UserError(f"{file}: the name {taken[0]} is taken; call it otherwise")
    for name, measure in measures.items():
        MEASURES[name] = replace(measure, of=partial(call, f"measure {name}", measure.of))
    if figure is not None:
        told = partial(partial, call)  # mistakes in a sentence
        FIGURES[file.stem] = replace(
            figure,
            data=told(f"data of figure {file.stem}", figure.data),
            draw=told(f"draw of figure {file.stem}", figure.draw),
            caption=told(f"caption of figure {file.stem}", figure.caption),
        )
