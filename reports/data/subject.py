"""What a figure is about: a whole study, or one axis of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ablations.tracking.reader import TrackedStudy
from reports.data.levels import Level, NothingToDrawError, axis_levels, baseline_level
from reports.data.search import winners


@dataclass(frozen=True)
class Subject:
    """A study, and the axis that is looked at.

    Without one, its baseline alone; that of a search beside what it found best.
    """

    study: TrackedStudy
    axis: str | None = None

    @cached_property
    def planned(self) -> list[Level]:
        """All levels, the baseline first."""
        if self.axis is None:
            return [baseline_level(self.study), *winners(self.study)]
        return axis_levels(self.study, self.axis)

    @cached_property
    def levels(self) -> list[Level]:
        """The levels that have finished runs, the baseline first.

        Raises:
            NothingToDrawError: the baseline, with which all are compared, has none; or it alone
                has, and another axis shows that.
        """
        levels = [level for level in self.planned if level.runs]
        if not levels or not levels[0].is_baseline:
            raise NothingToDrawError("no run of the baseline is finished")
        if len(levels) == 1 and self.axis not in (None, next(iter(self.study.plan.axes), None)):
            raise NothingToDrawError("only the baseline's runs are finished: see the first axis")
        return levels

    @property
    def baseline(self) -> Level:
        """The level that all are compared with."""
        return self.levels[0]

    def compared(self) -> list[Level]:
        """The levels, of which there are two or more.

        Raises:
            NothingToDrawError: there is one alone.
        """
        if len(self.levels) < 2:
            raise NothingToDrawError("levels are compared, and only the baseline's has runs")
        return self.levels

    def axes(self) -> Sequence[Subject]:
        """Each axis of the study; a search has none, as its trials change several settings."""
        if self.study.plan.search:
            return []
        return [Subject(self.study, axis) for axis in self.study.plan.axes]
