"""Studies that set a piece of one's own against the field: all others that a setting can name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ablations import Axis, Claim, Study, UserError
from snnet.pieces import PIECES
from studies.experiments.stitching import STITCHING
from studies.overview import BASELINE

# what is none of the rivals: an identity is linear where widths differ, as they do at most scales
LEFT_OUT = {("layer", "identity")}


def against_field(
    setting: str,
    name: str,
    measure: str = "front_area",
    baseline: Mapping[str, Any] | None = None,
    seeds: int = 5,
) -> Study:
    """A study of one setting: the piece of this name, and all built-in ones, trained for as long.

    It claims that the piece beats each of the others. The first of them is the baseline, so that
    their runs are shared with other studies, and stay as they are when the piece is edited.

    Arguments:
        setting: a key of `snnet.pieces.PIECES`.
        name: what the piece is registered as.
        measure: of `reports.data.measures`, such as `score`; by default what the best stitches for
            all budgets reach.
        baseline: settings over those of `studies.overview`.

    Raises:
        UserError: there is no such setting, or no piece of this name.
    """
    if setting not in PIECES:
        raise UserError(f"{setting!r} names no pieces: there are {', '.join(PIECES)}")
    pieces = PIECES[setting]
    if name not in pieces:
        raise UserError(f"{setting} {name!r} is not registered: see `snnet.pieces`")
    rivals = [rival for rival in pieces.built_in if (setting, rival) not in LEFT_OUT]
    return Study(
        title=f"{name} against the field",
        question=f"Is {name} a better {setting} than any other, trained for as long?",
        experiment=STITCHING,
        baseline={**BASELINE, **(baseline or {}), setting: rivals[0]},
        axes=[
            Axis(
                setting,
                {one: {setting: one, **_beside(setting, one)} for one in (*rivals, name)},
            )
        ],
        seeds=seeds,
        claims=[
            Claim(f"{name} beats {rival}", measure, at={setting: name}, than={setting: rival})
            for rival in rivals
        ],
    )


def _beside(setting: str, value: str) -> Mapping[str, Any]:
    """What else a value needs, so that all train for as long, and select from as much."""
    if (setting, value) == ("sampling", "sandwich"):
        return {"epochs": 17}  # three passes a step, see `studies.sampling`
    if setting == "selection":
        return {"positions": "windows" if value == "all" else "every"}
    return {}
