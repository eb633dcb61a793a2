"""How figures look: colour-blind safe, readable in grey, at a paper's column width."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")  # no screen needed
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

# Okabe and Ito's palette, without its yellow; markers tell the levels apart in grey
COLOURS = ["#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
COLUMN_INCHES = (4.6, 3.2)
PNG_DPI = 220

_SETTINGS: dict[Any, Any] = {
    "font.family": "STIXGeneral",  # comes with matplotlib, suits a paper
    "mathtext.fontset": "stix",
    "text.parse_math": False,  # a $ in a name is a $
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "pdf.fonttype": 42,  # text stays text
    "svg.hashsalt": "snnet",
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.08,  # inches
}


@contextmanager
def figure_style() -> Iterator[None]:
    """Applies to figures made and saved inside the block."""
    with plt.rc_context(_SETTINGS):
        yield


def save(figure: Figure, path: Path) -> Path:
    """Write `path` with .pdf and .png; returns the PNG. Equal figures give equal bytes."""
    png = path.with_name(f"{path.name}.png")
    figure.draw_without_rendering()  # lays out; once is enough for both files
    figure.set_layout_engine("none")
    figure.savefig(path.with_name(f"{path.name}.pdf"), metadata={"CreationDate": None})
    figure.savefig(png, dpi=PNG_DPI, metadata={"Software": None})
    plt.close(figure)
    return png
