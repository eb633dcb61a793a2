"""The summary table of an axis: its levels in numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from reports.data.levels import (
    Level,
    anchor_changes,
    area,
    area_gain,
    mean_gain,
    percent,
    told_apart,
)
from reports.statistics.interval import Estimate

COLUMNS = {
    "level": "level",
    "seeds": "seeds",
    "stitches": "sub-networks",
    "before": "mean top-1 before, %",
    "mean": "mean top-1 after, % (against baseline)",
    "area": "area under front, % (against baseline)",
    "worst": "worst sub-network, % (route)",
    "pairs": "better / worse on the same images (McNemar)",
    "anchors": "anchors: change by training, points",
    "seconds": "training, s",
    "passes": "sub-network passes",
}


def summary_table(levels: Sequence[Level]) -> pd.DataFrame:
    """One row a level, the baseline first; see `COLUMNS`."""
    rows = [_row(level, levels[0]) for level in levels]
    return pd.DataFrame(rows).reindex(columns=list(COLUMNS)).fillna("\N{EN DASH}")


def _row(level: Level, baseline: Level) -> dict[str, str]:
    """A level; cells that need finished runs are missing without them."""
    row = {"level": level.name, "seeds": f"{len(level.runs)}/{level.planned}"}
    if not level.runs:
        return row
    tables = [run.table for run in level.runs.values()]
    worst = str(level.stitches.top1.idxmin())

    def against(change: Callable[[Level, Level], Estimate]) -> str:
        return "" if level.is_baseline else f" ({change(level, baseline).text(sign=True)})"

    def mean(metric: str) -> str:
        return f"{sum(run.metrics[metric] for run in level.runs.values()) / len(tables):.0f}"

    better, worse, pairs = told_apart(level, baseline)
    return row | {
        "pairs": f"{better} / {worse} of {pairs}" if pairs and not level.is_baseline else "",
        "stitches": f"{len(tables[0])}",
        "before": percent(level, "mean_top1_before").text(),
        "mean": percent(level, "mean_top1").text() + against(mean_gain),
        "area": area(level).text() + against(area_gain),
        "worst": f"{100 * level.stitches.top1[worst]:.1f} ({worst})",
        "anchors": ", ".join(e.text(sign=True) for e in anchor_changes(level)),
        "seconds": mean("train_seconds"),
        "passes": mean("passes"),
    }
