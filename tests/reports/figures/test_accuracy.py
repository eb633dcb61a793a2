"""Accuracy over MACs: all points of all levels stand inside of their axes."""

from __future__ import annotations

import pandas as pd
import pytest

from ablations.study.metric import Metric
from reports.drawing.drawing import words_of_score
from reports.figures import accuracy

SCORE = Metric("top1", "top-1 accuracy", "%", "maximize")


def rows_of(level, *scores):
    """Two anchors, and stitches between them, with these scores in percent."""
    last = len(scores) - 1
    return pd.DataFrame(
        {
            "level": level,
            "route": ["0", *(f"0.{n}>1.{n + 1}" for n in range(last - 1)), "1"],
            "between": ["small", *["small to large"] * (last - 1), "large"],
            "is_anchor": [number in (0, last) for number in range(last + 1)],
            "macs": [1e6 * (number + 1) for number in range(last + 1)],
            "params": 1000.0,
            "top1": scores,
            "half_width": 1.0,
            "seeds": 3,
            "axis": "layer",
        }
    ).assign(**words_of_score(SCORE))


@pytest.mark.parametrize("lowest", [30.0, 57.0])
@pytest.mark.parametrize("levels", [2, 4, 5])
def test_what_one_level_reaches_is_seen_in_its_panel(levels, lowest):
    """The last level alone goes so low; panels share their axes."""
    names = [f"level {number}" for number in range(levels - 1)]
    parts = [rows_of(name, 76.0, 77.0, 80.0) for name in names]
    data = pd.concat([*parts, rows_of("last", 76.0, lowest, 80.0)], ignore_index=True)
    figure = accuracy.draw(data)
    for axes in figure.axes:
        low, high = axes.get_ylim()
        assert low < lowest
        assert high > 80.0
