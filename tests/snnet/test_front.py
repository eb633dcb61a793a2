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


def test_who_is_chosen_by_held_out_images_is_told_by_the_others():
    table = stitches([(0, 0.5), (10, 0.9), (4, 0.7), (5, 0.95)])
    table["top1_validation"] = [0.5, 0.9, 0.8, 0.7]  # the lucky one is not chosen
    assert pareto_front(table).macs.tolist() == [0, 4, 10]
    assert front_at(table, np.array([6.0])) == [0.7]
    assert front_area(table) == pytest.approx(0.4 * 0.5 + 0.6 * 0.7)


def test_the_best_of_many_is_flattered_where_the_same_images_choose_and_tell():
    """35 equally good networks, 808 test images: 2 points too much, and none by other images."""
    random = np.random.default_rng(0)
    excess = {"same": [], "other": []}
    for _ in range(300):
        test, held_out = random.binomial([[808], [270]], 0.9, (2, 35)) / [[808], [270]]
        table = pd.DataFrame({"macs": 1, "is_anchor": True, "top1": test})
        excess["same"].append(front_area(table) - 0.9)
        table["top1_validation"] = held_out
        excess["other"].append(front_area(table) - 0.9)
    assert np.mean(excess["same"]) > 0.015
    assert abs(np.mean(excess["other"])) < 0.002


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
