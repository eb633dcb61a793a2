"""What a search leaves for reports: its trials, and what grids did in the same space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from statistics import fmean
from typing import Any

from ablations.study.metric import Goal

Setting = Mapping[str, Any]  # a level's label or a number, by axis or setting


@dataclass(frozen=True)
class TrialRecord:
    """One trial.

    Attributes:
        state: Optuna's word for how it ended, in small letters.
        values: by objective; None where it brought none.
        seeds: what each replicate brought, as far as they were done.
        curve: how good its first replicate was so far, by percent of its training.
    """

    number: int
    state: str
    params: Setting
    values: tuple[float, ...] | None
    seeds: tuple[float, ...]
    curve: Mapping[int, float]

    @property
    def value(self) -> float:
        """The first value; NaN where it brought none."""
        return self.values[0] if self.values else nan

    @property
    def value_so_far(self) -> float:
        """The mean of its seeds, or where its learning curve broke off; NaN before both."""
        if self.seeds:
            return fmean(self.seeds)
        return self.curve[max(self.curve)] if self.curve else nan


@dataclass(frozen=True)
class GridRecord:
    """A setting that was no trial, but done by runs of a grid; the means over seeds."""

    params: Setting
    values: tuple[float, ...]


@dataclass(frozen=True)
class SearchRecord:
    """A search.

    Attributes:
        values: the goal of each value, by its name.
        choices: what each setting was chosen from: `{levels: [...]}` or `{low, high, log}`.
        trials: by number; the first is the baseline.
    """

    values: Mapping[str, Goal]
    choices: Mapping[str, Mapping[str, Any]]
    trials: tuple[TrialRecord, ...]
    grid: tuple[GridRecord, ...] = ()

    @property
    def done(self) -> list[TrialRecord]:
        """The trials that have values."""
        return [trial for trial in self.trials if trial.state == "complete"]
