"""What drawings of routes need to know of a study's anchors."""

from __future__ import annotations

import re
from typing import Any

from ablations.tracking.reader import TrackedStudy
from reports.data.levels import keep_stitches
from reports.drawing.words import anchor_name

ENDS = re.compile(r"(\d+)\.(\d+)")  # of a joint: an anchor and one of its blocks


def anchors_of(study: TrackedStudy) -> list[dict[str, Any]]:
    """Name and number of blocks of each anchor; empty where rows are no routes.

    Blocks are those that some route of the study leaves or enters, so that the last is known
    where windows cover it, as they usually do.
    """
    anchors = study.plan.settings.get("anchors")
    if not anchors or not keep_stitches(study.runs.values(), study.plan.table):
        return []
    blocks = [1] * len(anchors)
    for route in {route for run in study.runs.values() for route in run.table.route}:
        for anchor, block in ENDS.findall(route):
            if int(anchor) >= len(blocks):
                return []  # an axis changes the anchors
            blocks[int(anchor)] = max(blocks[int(anchor)], int(block) + 1)
    return [
        {"name": anchor_name(anchor["name"]), "blocks": count}
        for anchor, count in zip(anchors, blocks, strict=True)
    ]
