"""What runs of an experiment leave, as far as those must know it who know no experiment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from itertools import chain

from ablations.study.fields import check_fields


@dataclass(frozen=True)
class Chart:
    """One line chart over all runs of a study.

    Of a score of `Experiment.table` it shows the best value at no more than so much of `over`.

    Attributes:
        metric: a column of `table`, or, without a table, what runs log while they go on.
        over: the column that it is drawn over; None: the index of the table, or the step.
        table: the table of the result that holds both.
    """

    metric: str
    over: str | None = None
    table: str | None = None

    def __post_init__(self) -> None:
        check_fields(self, f"chart {self.metric!r}")


@dataclass(frozen=True)
class Presentation:
    """How the results of an experiment are looked at, and what of them can be spared.

    Attributes:
        charts: what the views of the MLflow UI draw; MLflow chooses where there are none.
        columns: summary metrics that the views show beside each run.
        disposable: files of a finished run that `ablate gc --models` may delete: nothing here
            needs them any more.
        caches: folders in HOME/cache that `ablate gc --caches` may empty: runs make anew what
            they miss there.
        dataset: settings that choose the data, the first by its name: they become a dataset of
            MLflow with a digest.
    """

    charts: tuple[Chart, ...] = ()
    columns: tuple[str, ...] = ()
    disposable: tuple[str, ...] = ()
    caches: tuple[str, ...] = ()
    dataset: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for one in fields(self):
            if isinstance(found := getattr(self, one.name), list):
                object.__setattr__(self, one.name, tuple(found))
        check_fields(self, "presentation")

    @classmethod
    def joined(cls, several: Iterable[Presentation]) -> Presentation:
        """All that several say, each thing once."""
        found = list(dict.fromkeys(several))
        parts = {
            one.name: tuple(dict.fromkeys(chain(*(getattr(each, one.name) for each in found))))
            for one in fields(cls)
        }
        return cls(**parts)
