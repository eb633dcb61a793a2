"""What a figure is, and what comes of it for one subject."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from reports.data.subject import Subject
from reports.drawing.style import figure_style


class Drawing(NamedTuple):
    """A figure, the data that it shows, and its caption."""

    data: pd.DataFrame
    figure: Figure
    caption: str


@dataclass(frozen=True)
class FigureKind:
    """One way to look at a study.

    Attributes:
        title: a few words, for lists and headings.
        of: `axis`: drawn for each axis (for a study without axes once, of the baseline alone);
            `study`: once.
        position: on the page, counted from the top of a section.
        data: everything that the figure and its caption show, as tidy rows; accuracies in
            percent. Raises `NothingToDrawError` where the figure does not apply, and says why.
        draw: the figure, from the data.
        caption: from the data.
    """

    title: str
    of: Literal["axis", "study"]
    position: int
    data: Callable[[Subject], pd.DataFrame]
    draw: Callable[[pd.DataFrame], Figure]
    caption: Callable[[pd.DataFrame], str]

    def drawing(self, subject: Subject, width: str = "page") -> Drawing:
        """The figure for a study or an axis.

        Arguments:
            width: one of `reports.drawing.style.WIDTHS`.

        Raises:
            NothingToDrawError: it does not apply; says why.
        """
        data = self.data(subject)
        with figure_style(width):
            figure = self.draw(data)
        plt.close(figure)  # nobody has to remember it; it can still be saved
        return Drawing(data, figure, self.caption(data))

    def subjects(self, whole: Subject) -> list[Subject]:
        """The parts of a study that it is drawn for."""
        return list(whole.axes()) or [whole] if self.of == "axis" else [whole]
