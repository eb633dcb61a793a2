"""Axes that are logarithmic where the data ask for it."""

from __future__ import annotations

import pandas as pd
import pytest
from matplotlib import pyplot as plt

from ablations.study.metric import Metric
from reports.drawing.scales import cost_axis, score_axis, score_label, steep_sentence

TOP1 = Metric("top1", "top-1 accuracy", "%", "maximize", 100)


@pytest.fixture
def axes():
    figure, found = plt.subplots()
    yield found
    plt.close(figure)


def ticks(axis, low, high):
    formatter = axis.get_major_formatter()
    return [formatter(place) for place in axis.get_major_locator()() if low <= place <= high]


@pytest.mark.parametrize(
    ("costs", "scale"), [([1, 2.9], "linear"), ([1, 3.1], "log"), ([0, 5], "linear")]
)
def test_costs_that_span_three_times_are_logarithmic(axes, costs, scale):
    cost_axis(axes, pd.Series(costs, dtype=float))
    assert axes.get_xscale() == scale


def test_ticks_of_costs_are_numbers(axes):
    costs = pd.Series([0.02, 0.5])
    axes.plot(costs, costs)
    cost_axis(axes, costs)
    assert ticks(axes.xaxis, 0.02, 0.5) == ["0.02", "0.05", "0.1", "0.2", "0.5"]
    axes.set_xlim(1, 4)
    cost_axis(axes, pd.Series([1.0, 4.0]))
    assert ticks(axes.xaxis, 1, 4) == ["1", "1.5", "2", "3", "4"]


def test_half_of_the_height_belongs_to_half_of_the_errors(axes):
    """In the logarithm: from 60 to 90 is as high as from 90 to 97.5."""
    scores = pd.Series([60.0, 97.5])
    axes.scatter([0, 1], scores)
    score_axis(axes, scores, TOP1)
    low, middle, high = (axes.transData.transform((0, y))[1] for y in (60, 90, 97.5))
    assert high - middle == pytest.approx(middle - low)
    assert score_label(scores, TOP1) == "top-1 accuracy (%, log error)"
    assert "logarithmic in the error" in steep_sentence(scores, TOP1)
    lowest, highest = axes.get_ylim()
    assert lowest < 60
    assert 97.5 < highest < 100
    assert ticks(axes.yaxis, lowest, highest) == ["60", "70", "80", "90", "95", "98"]


@pytest.mark.parametrize(
    ("scores", "score"),
    [
        ([65.0, 82.0], TOP1),
        ([60.0, 97.5], Metric("error", unit="%", goal="minimize")),
        ([0.1, 0.99], Metric("share", goal="maximize")),
        ([100.0, 100.0], TOP1),
    ],
)
def test_other_scores_stay_to_scale(axes, scores, score):
    values = pd.Series(scores)
    axes.scatter([0, 1], values)
    score_axis(axes, values, score)
    assert axes.get_yscale() == "linear"
    assert steep_sentence(values, score) == ""


def test_an_anchor_that_makes_no_error_has_a_place(axes):
    scores = pd.Series([80.0, 98.0, 100.0])
    score_axis(axes, scores, TOP1)
    places = axes.transAxes.inverted().transform(
        axes.transData.transform([(0, score) for score in scores])
    )
    assert (places[:, 1] > 0).all()
    assert (places[:, 1] < 1).all()
