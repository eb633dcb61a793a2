"""Pieces: what a setting names that is code, such as a kind of stitching layer. Torch-free.

The package's own are known by name alone, so that settings are checked before torch is imported;
the modules that hold them say which name is which. A user's study file adds others:

    @LAYERS.register("mine")
    class Mine(StitchingLayer): ...
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T", bound=Callable[..., Any])


class Pieces(dict[str, Any]):
    """What users added for one setting, by name.

    Attributes:
        setting: the field of `StitchingConfig`.
        built_in: the names of the package's own.
    """

    def __init__(self, setting: str, *built_in: str) -> None:
        super().__init__()
        self.setting, self.built_in = setting, built_in

    @property
    def names(self) -> tuple[str, ...]:
        """All values that the setting may have."""
        return (*self.built_in, *self)

    def register(self, name: str) -> Callable[[T], T]:
        """Make a class or function the piece of this name; a decorator.

        Raises:
            ValueError: the name is taken.
        """
        if name in self.built_in:
            raise ValueError(f"{self.setting} {name} is built in; choose another name")

        def add(piece: T) -> T:
            there = self.get(name, piece)
            if _place(there) != _place(piece):
                raise ValueError(f"{self.setting} {name} is there twice; choose another name")
            self[name] = piece
            return piece

        return add

    def check(self, name: str) -> None:
        """Refuse a name that stands for nothing.

        Raises:
            ValueError: it does; says which is nearest.
        """
        if name not in self.names:
            near = difflib.get_close_matches(name, self.names, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ValueError(
                f"{self.setting} is one of {', '.join(self.names)}, not {name!r}{hint}"
            )


def _place(piece: Any) -> tuple[str | None, str]:
    """File and name of what was defined, the same each time that the file is executed."""
    module = sys.modules.get(piece.__module__)
    return getattr(module, "__file__", None), piece.__qualname__


LAYERS = Pieces(
    "layer",
    "linear",
    "low_rank",
    "shared_low_rank",
    "identity",
    "relu",
    "bottleneck",
    "conv3x3",
    "norm",
)
SAMPLERS = Pieces(
    "sampling",
    *("random", "sandwich", "cost_groups", "equal_exposure", "inverse_visits", "importance"),
)
POSITIONS = Pieces("positions", "windows", "aligned", "every")
SELECTORS = Pieces(
    "selection", "all", "random", "residual", "kl", "cka", "start_score", "importance"
)
MATCHING = Pieces("matching", "none", "stitch", "penultimate", "later")

PIECES = {each.setting: each for each in (LAYERS, SAMPLERS, POSITIONS, SELECTORS, MATCHING)}
