"""Ranges of the numbers that settings may have. Torch-free."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Le

MOST = 1_000_000_000  # of anything that is counted: no run with more would end

Positive = Annotated[int, Ge(1), Le(MOST)]
Count = Annotated[int, Ge(0), Le(MOST)]
NotNegative = Annotated[float, Ge(0)]
Share = Annotated[float, Ge(0), Le(1)]
