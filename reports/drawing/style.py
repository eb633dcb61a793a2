"""How figures look: colour-blind safe, readable in grey, at a paper's column width."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl

mpl.use("Agg")  # where it was imported before, see `reports`
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from reports.drawing.fonts import fonts_for

# Okabe and Ito's palette, without its yellow; markers tell the levels apart in grey
COLOURS = ["#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
PNG_DPI = 220
UNDATED = {"pdf": {"CreationDate": None}, "png": {"Software": None}, "svg": {"Date": None}}

_SETTINGS: dict[Any, Any] = {
    "font.family": "STIXGeneral",  # comes with matplotlib, suits a paper
    "mathtext.fontset": "stix",
    "text.parse_math": False,  # a $ in a name is a $
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "pdf.fonttype": 42,  # text stays text
    "svg.hashsalt": "snnet",
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.08,  # inches
}

LAID_OUT: dict[Any, Any] = {"figure.constrained_layout.use": False}  # None as its engine means none


class Width(NamedTuple):
    """How large figures are made, in inches, and their letters, in points."""

    inches: float
    height: float
    letters: float

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of matplotlib that make it so."""
        names = ("font.size", "axes.titlesize", "axes.labelsize")
        return {
            "figure.figsize": (self.inches, self.height),
            **dict.fromkeys(names, self.letters),
            "legend.fontsize": self.letters - 1,
        }


WIDTHS = {
    "page": Width(4.6, 3.2, 9),  # of a report
    "column": Width(3.3, 2.6, 8),  # one of two on a page of a paper
    "full": Width(6.9, 3.4, 9),  # both
}


@contextmanager
def figure_style(width: str = "page") -> Iterator[None]:
    """Apply the style to figures made and saved inside the block.

    Arguments:
        width: one of `WIDTHS`.
    """
    settings = _SETTINGS | WIDTHS[width].settings
    with plt.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # see `fonts_for`
        yield


def inches() -> tuple[float, float]:
    """Width and height of a figure in the style that is applied."""
    width, height = plt.rcParams["figure.figsize"]
    return width, height


def save(figure: Figure, path: Path) -> Path:
    """Write `path` with .pdf and .png; returns the PNG. Equal figures give equal bytes."""
    for file_format in ("pdf", "png"):
        path.with_name(f"{path.name}.{file_format}").write_bytes(encode(figure, file_format))
    plt.close(figure)
    return path.with_name(f"{path.name}.png")


def encode(figure: Figure, file_format: str, width: str = "page") -> bytes:
    """The figure as a `pdf`, `png` or `svg` file. Equal figures give equal bytes.

    Arguments:
        width: that it was made in.
    """
    with figure_style(width), plt.rc_context(LAID_OUT):
        lay_out(figure)  # once is enough for all formats
        with fonts_for(figure):
            file = BytesIO()
            figure.savefig(file, format=file_format, dpi=PNG_DPI, metadata=UNDATED[file_format])
    return _titled(file.getvalue()) if file_format == "svg" else file.getvalue()


def lay_out(figure: Figure) -> None:
    """Place all parts of the figure, unless that was done; with the settings `LAID_OUT`.

    It has no layout engine any more: with one, whatever that does, each file would be drawn twice,
    once only to lay out.
    """
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)


def inline_svg(figure: Figure) -> str:
    """The figure as an element of a page, as wide as its container; it names no other address."""
    svg = encode(figure, "svg").decode()
    tag, body = svg[svg.index("<svg") :].split(">", 1)
    tag = re.sub(r' (xmlns(:xlink)?|width|height|version)="[^"]*"', "", tag)
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    return f"{tag}>{body.replace('xlink:href', 'href')}"


def _titled(svg: bytes) -> bytes:
    """What artists give as addresses (`set_urls`) becomes the words of what is pointed at."""
    svg = re.sub(rb'<a xlink:href="([^"]*)"[^>]*>', rb"<g><title>\1</title>", svg)
    return svg.replace(b"</a>", b"</g>")
