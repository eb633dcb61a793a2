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
from reports.drawing.drawing import scatter_levels, stitch_rows, title_in
from reports.drawing.figure import FigureKind


def data(subject: Subject) -> pd.DataFrame:
    """A row a sub-network; latency in ms a batch, the mean over seeds of medians."""
    rows = stitch_rows(subject.levels).drop(columns="half_width")
    found = pd.concat([_measured(level) for level in subject.levels])
    return rows.merge(found, on=["level", "route"])


def _measured(level: Level) -> pd.DataFrame:
    parts = []
    for run in level.runs.values():
        table = run.read_table("latency")
        if table is None:
            raise NothingToDrawError("a run has no table of latencies")
        parts.append(table.join(run.table.route).assign(device=provenance.device(run)))
    together = pd.concat(parts).groupby("route", as_index=False)
    shared = together[["batch_size", "device"]].first()
    return shared.merge(together.latency.mean()).assign(level=level.name)


def draw(data: pd.DataFrame) -> Figure:
    """A point a sub-network."""
    figure, axes = scatter_levels(data, "latency")
    axes.set_xlabel(f"latency (ms for {data.batch_size.iloc[0]} images)")
    return figure


def caption(data: pd.DataFrame) -> str:
    """The devices that it was measured on, and whether MACs tell the order."""
    devices = listed(sorted(data.device.unique()))
    span = f"{data.latency.min():.3g} to {data.latency.max():.3g} ms"
    order = f"rank correlation with MACs {rank_correlation(data.latency, data.macs)}"
    return (
        f"{title_in(data)} of every sub-network over the time that a batch takes in it, "
        "the median of repeats in turn with all others, measured when its run ended, beside "
        f"whatever else the machine did: {span}, {order}. Measured on {devices}. "
        f"{seeds_sentence(data.seeds, bars=False)}"
    )


FIGURE = FigureKind("Accuracy over latency", "study", 25, data, draw, caption)
