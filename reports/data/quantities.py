"""Numbers that stand for a whole run, by which figures and tables compare runs."""

from __future__ import annotations

from functools import partial
from operator import methodcaller
from typing import NamedTuple

from ablations.study.metric import Metric
from ablations.tracking.names import OF_THE_MACHINERY, name_of_metric
from ablations.tracking.reader import TrackedRun, TrackedStudy
from reports.data.levels import NothingToDrawError, Value, area, keep_stitches
from reports.statistics.interval import digits_for

MANY = 4  # that no metric is declared for are not all drawn
AREA = "area under front"


class Quantity(NamedTuple):
    """A number of a run.

    Attributes:
        name: for people.
        unit: of differences.
        value: reads it off a run; None where the run does not tell it.
        digits: after the point, in words.
    """

    name: str
    unit: str
    value: Value
    digits: int


def metrics_of(study: TrackedStudy) -> list[Metric]:
    """The summary metrics that runs of the study tell: as its experiment says, else all.

    Of an experiment that says nothing, names with a slash are not taken: tables have such.
    """
    told = {name for run in study.runs.values() for name in run.metrics}
    names = sorted(name_of_metric(one) for one in told - OF_THE_MACHINERY if "/" not in one)
    known = [run.value for run in study.runs.values()]
    metrics = study.plan.metrics or [Metric(name) for name in names]
    return [one for one in metrics if any(v(one) is not None for v in known)]


def main_metric(study: TrackedStudy) -> Metric:
    """The metric that counts most.

    Raises:
        NothingToDrawError: the runs tell none.
    """
    metrics = metrics_of(study)
    if not metrics:
        raise NothingToDrawError("the runs return no metrics")
    return metrics[0]


def main_metrics(study: TrackedStudy) -> list[Metric]:
    """The metrics that count most for one run or another: of several tasks one each."""
    metrics = metrics_of(study)
    first = (
        next((one for one in metrics if run.value(one) is not None), None)
        for run in study.runs.values()
    )
    return sorted({one for one in first if one is not None}, key=metrics.index)


def main_value(study: TrackedStudy, run: TrackedRun) -> float | None:
    """The first of the study's metrics that a run tells; runs of several tasks tell others."""
    values = (run.value(metric) for metric in metrics_of(study))
    return next((value for value in values if value is not None), None)


def quantities(study: TrackedStudy) -> list[Quantity]:
    """What runs are compared by; of stitches their mean accuracy and the area under the front.

    Raises:
        NothingToDrawError: the runs tell none.
    """
    main, table = main_metric(study), study.plan.table
    if keep_stitches(study.runs.values(), table):
        return [
            Quantity("mean over stitches", main.difference_unit, partial(main_value, study), 1),
            Quantity(AREA, main.difference_unit, partial(area, table=table), 1),
        ]
    return [_quantity(study, metric) for metric in metrics_of(study)[:MANY]]


def _quantity(study: TrackedStudy, metric: Metric) -> Quantity:
    name, unit = metric.title, metric.difference_unit
    return Quantity(name, unit, methodcaller("value", metric), digits(study, metric))


def digits(study: TrackedStudy, metric: Metric) -> int:
    """How many digits after the point words have of a metric: one of percent."""
    if metric.unit == "%":
        return 1
    values = [run.value(metric) for run in study.runs.values()]
    return digits_for([value for value in values if value is not None])
