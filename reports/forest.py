"""The forest plot of claims: each effect with its interval, and what it must leave behind."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.style import COLOURS, COLUMN_INCHES
from reports.verdicts import Verdict

WORDS = 46  # characters of a claim on a line
FACES = {"supported": (COLOURS[3], COLOURS[3]), "contradicted": (COLOURS[2], COLOURS[2])}
UNDECIDED = ("#777777", "white")
MARKERS = {"supported": "o", "contradicted": "X", "undecided": "s"}


def forest(verdicts: Sequence[Verdict]) -> Figure:
    """One row a claim: its effect (points), 95 % interval, and margin.

    The margin is a tick for `greater`, which the interval should lie right of, and a bar for
    `equivalent`, within which it should lie. Colour and marker tell the verdict.
    """
    rows = [verdict for verdict in verdicts if verdict.evidence.n_seeds]
    texts = ["\n".join(wrap(verdict.claim.words, WORDS)) for verdict in rows]
    heights = [0.30 + 0.13 * text.count("\n") for text in texts]
    figure, axes = plt.subplots(figsize=(1.5 * COLUMN_INCHES[0], 0.9 + sum(heights)))
    axes.axvline(0, color=COLOURS[0], linewidth=0.8, zorder=1)
    places, place = [], 0.0
    for verdict, height in zip(rows, heights, strict=True):
        place -= height / 2
        places.append(place)
        _row(axes, verdict, place)
        place -= height / 2
    axes.set_yticks(places, texts, fontsize=8)
    axes.set_ylim(place, 0)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("effect (points)")
    handles = [
        Line2D([], [], color=_face(name)[0], marker=MARKERS[name], markerfacecolor=_face(name)[1])
        for name in MARKERS
    ]
    margin = Line2D([], [], color=COLOURS[5], linewidth=3, alpha=0.6)
    figure.legend([*handles, margin], [*MARKERS, "margin"], loc="outside upper center", ncols=4)
    return figure


def _face(verdict: str) -> tuple[str, str]:
    return FACES.get(verdict, UNDECIDED)


def _row(axes: plt.Axes, verdict: Verdict, place: float) -> None:
    evidence = verdict.evidence
    colour, face = _face(evidence.verdict)
    low = -evidence.margin if evidence.relation == "equivalent" else evidence.margin
    axes.plot([low, evidence.margin], [place, place], color=COLOURS[5], linewidth=6, alpha=0.4)
    if evidence.relation == "greater":
        axes.plot(low, place, marker="|", markersize=11, color=COLOURS[5], zorder=2)
    if evidence.interval:
        axes.plot(evidence.interval, [place, place], color=colour, linewidth=1.1, zorder=3)
    axes.plot(
        evidence.effect,
        place,
        marker=MARKERS[evidence.verdict],
        color=colour,
        markerfacecolor=face,
        markersize=5,
        zorder=4,
    )
