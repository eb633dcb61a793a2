"""Levels are told apart by colour and marker."""

from __future__ import annotations

from reports.drawing.drawing import colour_of, marker_of


def test_the_baseline_has_a_colour_of_its_own_and_no_two_levels_look_alike():
    colours = [colour_of(number) for number in range(37)]
    assert colours.count(colours[0]) == 1
    looks = list(zip(colours, map(marker_of, range(37)), strict=True))
    assert len(set(looks)) == len(looks)
