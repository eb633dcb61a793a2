"""Does a good fit make a good stitch? The least-squares residual against the score."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from reports.data.levels import NothingToDrawError
from reports.data.score import before
from reports.data.subject import Subject
from reports.drawing.captions import listed, rank_correlation, seeds_sentence
from reports.drawing.drawing import (
    groups,
    level_legend,
    panels,
    scatter,
    score_in,
    stitch_rows,
    title_in,
)
from reports.drawing.figure import FigureKind

WHEN = ("before training", "after training")


def data(subject: Subject) -> pd.DataFrame:
    """A row a stitch of the baseline that has one stitching layer; residuals are means of seeds."""
    rows = stitch_rows([subject.baseline], before(subject.baseline.score.name))
    fits = []
    for run in subject.baseline.runs.values():
        layers = run.read_table("layer")
        if layers is None or "layers" not in run.table:
            raise NothingToDrawError("a run of the baseline has no table of fitted layers")
        single = run.table[run.table.layers.str.fullmatch(r"\d+")]
        residual = layers.residual.loc[single.layers.astype(int)]
        fits.append(pd.Series(residual.to_numpy(), index=single.route))
    mean = pd.concat(fits).groupby(level=0).mean().rename("residual")
    if mean.nunique() < 2:
        raise NothingToDrawError("all stitches of the baseline share one fitted layer")
    return rows.drop(columns="half_width").merge(mean, left_on="route", right_index=True)


def draw(data: pd.DataFrame) -> Figure:
    """Before training on the left, after it on the right, a series for each pair of anchors."""
    pairs = groups(data, "between")
    figure, axes = panels(len(WHEN), 2.6)
    for panel, (column, when) in zip(axes, _columns(data), strict=True):
        for pair, _, rows in pairs:
            scatter(panel, pair, rows, rows.residual, rows[column], size=11)
        panel.set_title(when)
    axes[0].set_ylabel(score_in(data).label)
    figure.supxlabel("residual of the least-squares fit", fontsize="medium")
    level_legend(figure, [name for _, name, _ in pairs], anchors=False)
    return figure


def _columns(data: pd.DataFrame) -> list[tuple[str, str]]:
    """The columns of the score before and after training, and what they are."""
    name = score_in(data).name
    return list(zip((before(name), name), WHEN, strict=True))


def caption(data: pd.DataFrame) -> str:
    """Rank correlations, of all and of each pair of anchors."""
    words = []
    for column, when in _columns(data):
        pairs = groups(data, "between")
        found = [f"{rank_correlation(r.residual, r[column])} for {n}" for _, n, r in pairs]
        everything = f"{rank_correlation(data.residual, data[column])} in all, "
        words.append(f"{when} {everything if len(pairs) > 1 else ''}{', '.join(found)}")
    return (
        f"{title_in(data)} of the baseline's {len(data)} stitches over what least squares leaves "
        "of their stitching layer's targets (0: a perfect fit, 1: no better than the mean; "
        f"stitches of one layer share it). Rank correlation {listed(words)}. "
        f"{seeds_sentence(data.seeds, bars=False)}"
    )


FIGURE = FigureKind("Residual of the fit", "study", 40, data, draw, caption)
