"""Figures inside a page."""

from __future__ import annotations

import re

import pytest
from matplotlib import pyplot as plt

from reports.drawing.style import figure_style
from reports.pages.svg import figure_svg, row_of

WORDS = ("stitch 0.1>1.2, a, b: 0.01234 million MACs", "vit-6, a: 1 million MACs")


@pytest.fixture
def svg():
    with figure_style():
        figure, axes = plt.subplots()
        axes.scatter([1, 2, 3], [1, 2, 3], urls=[*WORDS, "trial 3: x"])
        axes.set_xlabel("MACs <&>")
    plt.close(figure)
    return figure_svg(
        figure, "rule-accuracy", "Accuracy & cost", {"0.1>1.2": "0.1>1.2", "vit-6": "0"}
    )


def test_marks_know_their_row_and_keep_their_words(svg):
    assert re.findall(r'data-row="([^"]*)"', svg) == ["0.1&gt;1.2", "0"]
    assert "<title>stitch 0.1&gt;1.2, a, b: 0.01234 million MACs</title>" in svg
    assert "<title>vit-6, a: 1 million MACs</title>" in svg
    assert "<title>trial 3: x</title>" in svg


def test_text_is_text_and_pictures_have_a_name(svg):
    assert ">MACs &lt;&amp;&gt;</text>" in svg
    assert svg.startswith('<svg role="img" aria-label="Accuracy &amp; cost" ')
    assert "<style" not in svg


def test_ids_are_of_the_figure_and_each_reference_has_one(svg):
    ids = re.findall(r' id="([^"]*)"', svg)
    assert len(ids) == len(set(ids))
    assert set(ids) == set(re.findall(r'(?:href="#|url\(#)([^")]*)', svg))
    assert all(one.startswith("rule-accuracy.") for one in ids)


def test_lengths_have_two_digits(svg):
    assert not re.search(r' (?:d|x|y)="[^"]*\.\d{3}', svg)


def test_a_row_is_known_by_whole_words():
    rows = {"0": "0", "0.1>1.2": "0.1>1.2", "a, b": "a, b", "vit-6": "0"}
    assert row_of("stitch 0.1>1.2, norm: 1 million MACs", rows) == "0.1>1.2"
    assert row_of("anchor 0: 3 million MACs", rows) == "0"
    assert row_of("vit-6, norm (baseline): 3 million MACs", rows) == "0"
    assert row_of("a, b, level 2: 3 at 4", rows) == "a, b"
    assert row_of("trial 0: depth 2: 0.5, done", rows) is None
    assert row_of("0.1>1.22, norm: 1", rows) is None
