"""Figures as elements of a page: text is text, marks know their row, and nothing stands twice."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape, unescape

import matplotlib as mpl
from matplotlib.figure import Figure

from reports.drawing.style import inline_svg

DIGITS = 2  # after the point, of lengths that are points of print
PLACES = re.compile(r' (?:d|x|y)="[^"]*"')
NUMBER = re.compile(r"-?\d+\.\d+")
TITLED = re.compile(r"<g><title>([^<]*)</title>")


def figure_svg(figure: Figure, name: str, label: str, rows: Mapping[str, str] | None = None) -> str:
    """The figure as an `<svg>` that screen readers announce as one picture.

    Arguments:
        name: comes before the ids inside, so that no two figures of a page share one.
        label: what it is, in a few words.
        rows: of the runs' tables, by what marks call them: a mark whose words begin with such a
            name gets its row as `data-row`.
    """
    with mpl.rc_context({"svg.fonttype": "none"}):  # text can be searched, and needs no outlines
        svg = inline_svg(figure)
    svg = re.sub(r"<!--.*?-->|<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = _with_rows(_with_own_ids(svg, name), rows or {})
    svg = PLACES.sub(lambda found: NUMBER.sub(_rounded, found[0]), svg)
    svg = re.sub(r"\s+", " ", svg).replace("> <", "><")
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(label)}" ', 1)


def _rounded(found: re.Match[str]) -> str:
    return f"{float(found[0]):.{DIGITS}f}".rstrip("0").rstrip(".")


def _with_own_ids(svg: str, name: str) -> str:
    """Ids that are referred to, under names of this figure; the others go."""
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))

    def own(found: re.Match[str]) -> str:
        return f' id="{name}.{found[1]}"' if found[1] in used else ""

    svg = re.sub(r' id="([^"]*)"', own, svg)
    return re.sub(r'(href="#|url\(#)', rf"\g<1>{name}.", svg)


def _with_rows(svg: str, rows: Mapping[str, str]) -> str:
    def marked(found: re.Match[str]) -> str:
        row = row_of(unescape(found[1]), rows)
        return found[0] if row is None else found[0].replace("<g>", f'<g data-row="{escape(row)}">')

    return TITLED.sub(marked, svg)


def row_of(words: str, rows: Mapping[str, str]) -> str | None:
    """The row that a mark is of, by its words: `stitch 0.3>1.4, norm: 1.2 million MACs, 87 %`."""
    words = re.sub(r"^(stitch|anchor) ", "", words)
    ends = [found.start() for found in re.finditer(r"[,:]", words)]
    return next((rows[words[:end]] for end in reversed(ends) if words[:end] in rows), None)
