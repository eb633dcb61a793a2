"""What a sub-network costs on a real machine: measured latency against the score.

Of the baseline alone: sub-networks of one run are timed in turn, those of two runs are not, so that
what else the machine did would look like a difference between levels.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from reports.data import provenance
from reports.data.levels import Level, NothingToDrawError
from reports.data.subject import Subject
from reports.drawing.captions import listed, rank_correlation, seeds_sentence
from reports.drawing.drawing import colour_of, name_anchors, score_in, stitch_rows, title_in
from reports.drawing.figure import FigureKind
from reports.drawing.level_panels import scatter_levels
from reports.drawing.scales import cost_axis, score_axis, score_label, steep_sentence

SPREAD = ["latency_low", "latency_high"]  # see `snnet.latency.Latency`


def data(subject: Subject) -> pd.DataFrame:
    """A row a sub-network; latency in ms a batch, means over seeds of medians and of ranges."""
    return stitch_rows([subject.baseline]).merge(_measured(subject.baseline), on="route")


def _measured(level: Level) -> pd.DataFrame:
    parts = []
    for run in level.runs.values():
        table = run.read_table("latency")
        if table is None:
            raise NothingToDrawError("a run has no table of latencies")
        table = table.reindex(columns=["batch_size", "latency", *SPREAD])
        parts.append(table.join(run.table.route).assign(device=provenance.device(run)))
    together = pd.concat(parts).groupby("route", as_index=False)
    shared = together[["batch_size", "device"]].first()
    return shared.merge(together[["latency", *SPREAD]].mean())


def draw(data: pd.DataFrame) -> Figure:
    """A point a sub-network."""
    score = score_in(data)
    figure, (axes,) = scatter_levels(
        data,
        "latency",
        f"latency (ms for {data.batch_size.iloc[0]} images)",
        score_label(data[score.name], score, "after training"),
    )
    axes.errorbar(
        data.latency,
        data[score.name],
        xerr=[data.latency - data.latency_low, data.latency_high - data.latency],
        yerr=data.half_width,
        fmt="none",
        ecolor=colour_of(0),
        elinewidth=0.5,
        alpha=0.35,
    )
    score_axis(axes, data[score.name], score)
    cost_axis(axes, data[["latency", *SPREAD]].melt().value)
    stars = data[data.is_anchor]
    name_anchors(axes, stars, stars.latency, stars[score.name])
    return figure


def caption(data: pd.DataFrame) -> str:
    """The devices that it was measured on, and whether MACs tell the order."""
    score = score_in(data)
    devices = listed(sorted(data.device.unique()))
    span = f"{data.latency.min():.3g} to {data.latency.max():.3g} ms"
    order = f"rank correlation with MACs {rank_correlation(data.latency, data.macs)}"
    return (
        f"{title_in(data)} of every sub-network over the time that a batch takes in it, "
        "the median of repeats in turn with all others (flat bars: without the fastest and the "
        "slowest tenth of them), measured when its run ended, beside "
        f"whatever else the machine did: {span}, {order}. Measured on {devices}. "
        f"{seeds_sentence(data.seeds)}{steep_sentence(data[score.name], score)}"
    )


FIGURE = FigureKind("Accuracy over latency", "study", 25, data, draw, caption)
