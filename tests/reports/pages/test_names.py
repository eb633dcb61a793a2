"""Names of files and ids on a page: of any axis, and no two alike."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from reports.pages.names import figure_name, place_among, table_name


def test_numbers_in_names_are_in_order():
    names = ["b", "steps-9", "steps-10", "steps-10-b", "steps", "2a", "10a"]
    assert sorted(names, key=place_among) == [
        *("2a", "10a", "b", "steps", "steps-9", "steps-10", "steps-10-b"),
    ]


def test_usual_axes_look_as_ever():
    assert figure_name("accuracy", "stages of anchors") == "stages-of-anchors-accuracy"
    assert figure_name("cost", None) == "cost"


def test_axes_in_other_scripts_have_files_of_their_own():
    found = {figure_name("accuracy", axis) for axis in ("学习率", "窗口", "lr (%)", "lr (‰)")}
    assert len(found) == 4
    assert len({table_name(axis) for axis in ("a b", "a-b", "a  b", " a b", "a_b")}) == 5


@given(st.text(min_size=1))
def test_a_name_needs_no_quotes_in_a_link(axis):
    assert re.fullmatch(r"[A-Za-z0-9_-]+", table_name(axis))
