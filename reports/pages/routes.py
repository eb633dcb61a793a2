"""What a page tells of routes and anchors, by the names that figures have for these."""

from __future__ import annotations

import re
from typing import Any

from ablations.tracking.reader import TrackedStudy
from reports.data.levels import anchors_in, keep_stitches
from reports.drawing.captions import listed
from reports.drawing.words import named

ENDS = re.compile(r"(\d+)\.(\d+)")  # of a joint: an anchor and one of its blocks


def names_of(study: TrackedStudy) -> list[str]:
    """The names of the anchors, by number; none where runs have none, or different ones."""
    found = {tuple(anchors_in(run)) for run in study.runs.values()}
    names = found.pop() if len(found) == 1 else ()
    return [named(str(number), names) for number in range(len(names))]


def anchors_of(study: TrackedStudy) -> list[dict[str, Any]]:
    """Name and number of blocks of each anchor, for drawings of routes.

    Empty where rows are no routes, or not of the same anchors. Blocks are those that some route of
    the study leaves or enters, so that the last is known where windows cover it, as they usually
    do.
    """
    if not keep_stitches(study.runs.values(), study.plan.table):
        return []
    names = names_of(study)
    blocks = [1] * len(names)
    for route in _routes(study):
        for anchor, block in ENDS.findall(route):
            if int(anchor) >= len(blocks):
                return []
            blocks[int(anchor)] = max(blocks[int(anchor)], int(block) + 1)
    return [{"name": name, "blocks": count} for name, count in zip(names, blocks, strict=True)]


def routes_sentence(study: TrackedStudy) -> str:
    """How a route of the study is read; empty where rows are no routes."""
    if not keep_stitches(study.runs.values(), study.plan.table):
        return ""
    names = names_of(study)
    numbers = listed(f"{number} is {name}" for number, name in enumerate(names)) if names else ""
    lead = f"In routes {numbers}: " if numbers else "In routes anchors have numbers: "
    route = min((one for one in _routes(study) if len(ENDS.findall(one)) == 2), default="0.3>1.4")
    (front, last), (back, first) = ENDS.findall(route)
    one, other = (named(anchor, names) for anchor in (front, back))
    return f"{lead}{route} leaves {one} after block {last} and enters {other} at block {first}."


def _routes(study: TrackedStudy) -> set[str]:
    return {route for run in study.runs.values() for route in run.table.route}
