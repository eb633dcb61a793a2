"""What needed no joint training: sub-networks that runs keep beside their stitches.

See `snnet.rivals`; runs of settings that do not ask for them have no such table.
"""

from __future__ import annotations

import pandas as pd

from reports.data.levels import Level

TABLE = "rival"
# what figures call them, by what the table does
KINDS = {"anchor": "anchors before", "early_exit": "early exit", "patch": "patched blocks"}


def rivals_of(level: Level) -> pd.DataFrame:
    """A row a rival, its score the mean over seeds, in its unit; none where a run keeps none.

    In the columns of `stitch_rows`, `level` being what figures call its kind.
    """
    tables = [run.read_table(TABLE) for run in level.runs.values()]
    kept = [table for table in tables if table is not None]
    score = level.score
    if not kept or len(kept) < len(tables):
        return pd.DataFrame()
    together = pd.concat(kept).groupby(["kind", "route"], sort=False)
    rows = together[["macs", "params"]].first()
    rows[score.name] = score.factor * together[score.name].mean()
    rows = rows.reset_index()
    return rows.assign(
        level=rows.kind.map(KINDS), is_anchor=rows.kind == "anchor", seeds=len(kept)
    ).drop(columns="kind")
