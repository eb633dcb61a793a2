"""Whether the anchors that a run asks for can be made, told before it starts."""

from __future__ import annotations

import difflib
import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from ablations import UserError
from ablations.errors import nearest
from snnet.config import AnchorSpec, StitchingConfig
from snnet.errors import first_line
from snnet.scales import SCALES
from snnet.space import space_for

WEIGHTS = ("recipe", "pretrained", "random")  # or a file
_UNKNOWN_OPTION = re.compile(r"unexpected keyword argument '(\w+)'")


def _ready_made() -> dict[str, set[str]]:
    """Options that ready-made settings give to each architecture."""
    found: dict[str, set[str]] = {}
    for settings in (family for scale in SCALES.values() for family in scale.values()):
        for spec in (*settings["anchors"], *filter(None, [settings.get("teacher")])):
            found.setdefault(spec["architecture"], set()).update(spec.get("options", ()))
    return found


READY_MADE = _ready_made()


def check_anchors(config: StitchingConfig) -> None:
    """Refuse anchors that timm cannot make, or that cannot be stitched so.

    Where none differs from ready-made ones but by numbers, torch is not imported for it.

    Raises:
        UserError: says which, and what is near.
    """
    specs = list(_specs(config))
    for spec in specs:
        _check_weights(spec)
    if not all(map(_is_ready_made, specs)):
        _check_outlines(config)


def _specs(config: StitchingConfig) -> Iterator[AnchorSpec]:
    """The networks of a run: its anchors and its teacher."""
    yield from config.anchors
    if config.distillation != "none" and config.teacher is not None:
        yield config.teacher


def _check_weights(spec: AnchorSpec) -> None:
    if spec.weights not in WEIGHTS and not Path(spec.weights).expanduser().is_file():
        raise UserError(
            f"{spec.name}: there is no file of weights {spec.weights!r}: "
            + nearest(spec.weights, [*WEIGHTS, "a file that is there"])
        )


def _is_ready_made(spec: AnchorSpec) -> bool:
    usual = READY_MADE.get(spec.architecture)
    numbers = all(type(value) is int and value > 0 for value in spec.options.values())
    return usual is not None and spec.options.keys() <= usual and numbers


def _check_outlines(config: StitchingConfig) -> None:
    """Make the networks on the meta device, without weights; each once, plans repeat them."""
    stages = tuple(_outline(_key(spec), anchor=True) for spec in config.anchors)
    for spec in set(map(_key, _specs(config))) - set(map(_key, config.anchors)):
        _outline(spec, anchor=False)
    try:
        space_for(config, stages)
    except ValueError as error:
        raise UserError(f"these settings do not fit together: {error}") from None


def _key(spec: AnchorSpec) -> str:
    """What the shapes of a network depend on, as a key of a cache."""
    return json.dumps([spec.name, spec.architecture, dict(spec.options)], sort_keys=True)


@cache
def _outline(key: str, anchor: bool) -> tuple[int, ...]:
    """The blocks of an anchor, stage by stage; nothing of a teacher, which is not cut.

    Raises:
        UserError: timm knows no such architecture or option, or there is no adapter.
    """
    import timm
    import torch

    from snnet.anchors import create_anchor, create_model

    name, architecture, options = json.loads(key)
    spec = AnchorSpec(name, architecture, options, weights="random")
    if not timm.is_model(spec.architecture):
        near = difflib.get_close_matches(spec.architecture, timm.list_models(), n=1)
        hint = f"did you mean {near[0]}?" if near else "timm.list_models() tells what there is"
        raise UserError(f"{spec.name}: timm has no architecture {spec.architecture!r}: {hint}")
    try:
        with torch.device("meta"):
            if anchor:
                return create_anchor(spec).depths
            create_model(spec)
            return ()
    except Exception as error:  # whatever timm makes of options that do not fit
        reason, unknown = first_line(error), _UNKNOWN_OPTION.search(str(error))
        if unknown:
            with torch.device("meta"):
                kind = type(create_model(replace(spec, options={})))
            known = nearest(unknown[1], inspect.signature(kind.__init__).parameters)
            reason = f"timm's {kind.__name__} has no option {unknown[1]!r}: {known}"
        raise UserError(f"{spec.name} ({spec.architecture}) cannot be made: {reason}") from None
