"""Small multiples, and figures as wide as a paper has them."""

from __future__ import annotations

import pandas as pd
import pytest
from matplotlib import pyplot as plt

from ablations.study.metric import Metric
from reports.drawing.gaps import draw_gaps, gaps_in, gaps_sentence
from reports.drawing.level_panels import level_panels, shown_in_legend
from reports.drawing.style import WIDTHS, encode, figure_style

NAMES = dict(enumerate(["a (baseline)", "b", "c", "d"]))
TOP1 = Metric("top1", "top-1", "%", "maximize", 100)


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def test_few_levels_share_their_axes():
    figure, parts = level_panels({0: "a", 1: "b", 2: "c"})
    assert [list(part.shown) for part in parts] == [[0, 1, 2]]
    assert shown_in_legend(figure, {0: "a", 1: "b", 2: "c"}) == {0: "a", 1: "b", 2: "c"}


def test_each_of_many_has_a_panel_beside_the_baseline():
    figure, parts = level_panels(NAMES)
    assert [list(part.shown) for part in parts] == [[0, 1], [0, 2], [0, 3]]
    assert [part.axes.get_title() for part in parts] == ["b", "c", "d"]
    assert shown_in_legend(figure, NAMES) == {0: "a (baseline)"}
    _, differences = level_panels({n: name for n, name in NAMES.items() if n})
    assert [list(part.shown) for part in differences] == [[1], [2], [3]]


@pytest.mark.parametrize("width", WIDTHS)
def test_a_figure_is_as_wide_as_asked_with_letters_of_one_size(width):
    with figure_style(width):
        figure, parts = level_panels(NAMES)
        for axes, _ in parts:
            axes.plot([0, 1], [0, 1])
    encode(figure, "svg", width)
    assert figure.get_figwidth() == WIDTHS[width].inches
    (size,) = {label.get_size() for axes, _ in parts for label in axes.get_xticklabels()}
    assert size == WIDTHS[width].letters


def test_pdfs_hold_type_42_fonts_and_no_type_3():
    with figure_style("column"):
        figure, axes = plt.subplots()
        axes.set_title("least squares")
    content = encode(figure, "pdf", "column")
    assert b"/Type0" in content
    assert b"/CIDFontType2" in content
    assert b"/Type3" not in content


def test_an_arrow_leads_to_what_was_trained_alone():
    data = pd.DataFrame(
        {
            "level": ["jointly"] * 3 + ["alone"],
            "route": ["0", "0.1>1.2", "1", "0.1>1.2"],
            "macs": [1e6, 2e6, 3e6, 2e6],
            "top1": [80.0, 82.0, 90.0, 95.2],
        }
    )
    gaps = gaps_in(data, TOP1)
    assert gaps.gap.tolist() == pytest.approx([13.2])
    assert "trained alone: +13.2 points for 0.1>1.2." in gaps_sentence(gaps, TOP1)
    _, axes = plt.subplots()
    draw_gaps(axes, gaps, 1e6)
    arrow, words = axes.texts
    assert (arrow.xyann, arrow.xy) == ((2.0, 82.0), (2.0, 95.2))
    assert words.get_text() == "+13.2"
    both = data[data.level == "jointly"]
    two = pd.concat([both, both.assign(level="other")])
    assert gaps_in(two, TOP1).empty
    assert gaps_sentence(gaps_in(two, TOP1), TOP1) == ""
