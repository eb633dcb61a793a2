"""What `ablate plan` tells of work that runs of a grid share."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from snnet.config import StitchingConfig
from snnet.wording import in_bytes

if TYPE_CHECKING:
    from snnet.teacher_saving import Saving


def savings(configs: Sequence[StitchingConfig]) -> list[str]:
    """A sentence on the teacher, where runs have one: how much less a grid costs with kept answers.

    There is none where networks cannot be made, of which `check_ready` tells.
    """
    if all(one.distillation == "none" or one.teacher is None for one in configs):
        return []
    from snnet.teacher_saving import saving_of  # torch: only where needed

    found = None
    with suppress(ValueError):
        found = saving_of(configs)
    if found is None:
        return []
    unit = "epochs" if found.bytes is None else "images"
    shown = (
        f"Teacher: {found.runs} runs show it {found.shown:,} {unit}, {found.different:,} different"
    )
    work = f"{found.ratio:.2f} times less work (MACs) than when it is asked of all"
    if not found.kept:
        return [f"{shown}. With teacher_answers=kept, training would take {work}{_room(found)}."]
    return [f"{shown}. Its answers are kept: training takes {work}{_room(found)}."]


def _room(found: Saving) -> str:
    if found.bytes is None:
        return ""
    return f", for {in_bytes(found.bytes)} on disk"
