"""The front of cost and accuracy, and the area below it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snnet.front import front_area, front_at, pareto_front


def stitches(points, anchors=2):
    table = pd.DataFrame(points, columns=["macs", "top1"])
    table["is_anchor"] = [n < anchors for n in range(len(table))]
    return table


def test_front_and_area_by_hand():
    table = stitches([(0, 0.5), (10, 0.9), (4, 0.7), (6, 0.6)])
    assert pareto_front(table).macs.tolist() == [0, 4, 10]
    # 0.5 on [0, 4), 0.7 on [4, 10)
    assert front_area(table) == pytest.approx(0.4 * 0.5 + 0.6 * 0.7)
    assert np.isnan(front_at(table, np.array([-1.0]))[0])


def test_another_score_is_named_by_its_column():
    table = stitches([(0, 0.5), (10, 0.9), (4, 0.7)])
    table["top1_validation"] = table.top1 - 0.1
    assert front_area(table, "top1_validation") == pytest.approx(front_area(table) - 0.1)


def test_without_anchors_there_is_no_area():
    assert np.isnan(front_area(stitches([(4, 0.7)], anchors=0)))


points = st.lists(st.tuples(st.integers(1, 99), st.floats(0, 1)), min_size=0, max_size=20).map(
    lambda inner: stitches([(0, 0.1), (100, 0.9), *inner])
)


@given(points)
def test_nothing_beats_the_front(table):
    front = pareto_front(table)
    assert front.macs.is_monotonic_increasing
    assert (np.diff(front.top1) > 0).all()
    assert (front_at(table, table.macs.to_numpy(dtype=float)) >= table.top1).all()
    assert 0 <= front_area(table) <= 1


@given(points, st.integers(1, 99), st.floats(0, 1))
def test_another_stitch_never_lowers_the_area(table, macs, top1):
    more = pd.concat([table, pd.DataFrame([{"macs": macs, "top1": top1, "is_anchor": False}])])
    assert front_area(more) >= front_area(table) - 1e-12
