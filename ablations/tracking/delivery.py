"""What goes to MLflow of one run: parameters, metrics, tags and files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from ablations.runs.directory import Inspection, RunDirectory, State
from ablations.runs.records import Result
from ablations.study.catalogue import presentation_of
from ablations.study.plan import Cell, Plan
from ablations.study.presentation import Chart
from ablations.tracking.artifacts import log_files
from ablations.tracking.curves import Curve, curve_of
from ablations.tracking.description import dataset_of, origin_tags, sentence
from ablations.tracking.names import (
    ATTEMPT_TAG,
    ERROR_TAG,
    FAILURE_TAGS,
    NOTE_TAG,
    RESULT_TAG,
    RUN_SECONDS,
    digest_of,
    hours_metric,
    metric,
)
from ablations.uris import without_secrets

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.entities import Metric

    from ablations.tracking.ledger import Entry

STATUS = {  # MLflow's word
    State.WAITING: "SCHEDULED",
    State.RUNNING: "RUNNING",
    State.LOST: "KILLED",
    State.FAILED: "FAILED",
    State.CANCELLED: "KILLED",
    State.DONE: "FINISHED",
}


def deliver(
    client: MlflowClient,
    run: Entry,
    directory: RunDirectory,
    seen: Inspection,
    points: Sequence[Metric],
    tags: Mapping[str, str],
    asked: tuple[Plan, Cell] | None,
) -> None:
    """Bring an MLflow run up to date with its directory.

    Arguments:
        run: what is known of the MLflow run; brought up to date, too.
        seen: what decides, even where the run has gone on since.
        points: what is new of its curves.
        tags: to be set with the rest.
        asked: the plan that asks for the run, and as what; None: none does now.
    """
    from mlflow.entities import Param, RunTag

    from ablations.tracking.ledger import compared

    setup = directory.config()
    new = ATTEMPT_TAG not in run.tags  # tags arrive after parameters
    params = [Param(k, v) for k, v in flatten(setup["config"]).items()] if setup and new else []
    metrics, tags = [*points], dict(tags)
    result = seen.result
    failure = directory.failure(seen.attempt) if seen.state is State.FAILED else None
    if result:
        found, told = _deliver_result(client, run.run_id, directory, result, asked)
        metrics, tags = metrics + found, tags | told
    if failure:
        # earlier versions kept them with the secrets of addresses
        error, trace = map(without_secrets, (failure["error"], failure["traceback"]))
        tags |= {ERROR_TAG: error[:5000], NOTE_TAG: f"```\n{trace}```"}
    else:
        _forget_failure(client, run)
    ended = result or failure
    if ended:
        metrics += _hours(directory, seen.attempt)
    client.log_batch(run.run_id, metrics, params, [RunTag(k, v) for k, v in tags.items()])
    run.tags |= compared(tags)
    _set_status(client, run, STATUS[seen.state], ended)


def _deliver_result(
    client: MlflowClient,
    run_id: str,
    directory: RunDirectory,
    result: Result,
    asked: tuple[Plan, Cell] | None,
) -> tuple[list[Metric], dict[str, str]]:
    """Deliver files and data of a finished run; returns its metrics and tags."""
    tables, provenance = _tables(directory, result["tables"]), result["provenance"]
    metrics, tags = _summary(result), {RESULT_TAG: digest_of(result)}
    tags |= {name: str(value) for name, value in provenance.items()}
    tags |= origin_tags(directory.path, asked and asked[0], provenance)
    log_files(client, run_id, directory, tables)
    setup = directory.config()
    if asked and setup:
        presentation = presentation_of(asked[0])
        metrics += _charts(tables, asked[0], presentation.charts, int(result["ended"] * 1000))
        tags |= sentence(*asked, result["metrics"])
        if data := dataset_of(setup["config"], presentation.dataset):
            client.log_inputs(run_id, [data])
    return metrics, tags


def _set_status(
    client: MlflowClient, run: Entry, status: str, ended: Mapping[str, Any] | None
) -> None:
    """Last of all: FINISHED says that everything was delivered."""
    if ended:
        client.set_terminated(run.run_id, status, int(ended["ended"] * 1000))
    elif run.status != status:
        client.update_run(run.run_id, status=status)
    run.status = status


def flatten(config: Mapping[str, Any]) -> dict[str, str]:
    """Settings as MLflow parameters: nested ones by dotted names, lists as JSON."""
    params: dict[str, str] = {}
    for name, value in config.items():
        if isinstance(value, dict):
            params |= {f"{name}.{inner}": text for inner, text in flatten(value).items()}
        else:
            params[name] = value if isinstance(value, str) else json.dumps(value)
    return params


def _forget_failure(client: MlflowClient, run: Entry) -> None:
    """Take off what told of the failure of an earlier attempt."""
    for stale in run.tags.keys() & FAILURE_TAGS:
        client.delete_tag(run.run_id, stale)
        del run.tags[stale]


def _summary(result: Mapping[str, Any]) -> list[Metric]:
    from mlflow.entities import Metric

    time = int(result["ended"] * 1000)
    values = {metric(name): value for name, value in result["metrics"].items()}
    values[RUN_SECONDS] = result["ended"] - result["started"]
    return [Metric(name, value, time, 0) for name, value in values.items()]


def _tables(directory: RunDirectory, names: Sequence[str]) -> dict[str, pd.DataFrame]:
    """The tables of a run, none of them damaged."""
    import pandas as pd

    directory.check_tables()
    return {name: pd.read_parquet(directory.table(name)) for name in names}


def _charts(
    tables: Mapping[str, pd.DataFrame], plan: Plan, charts: Sequence[Chart], time: int
) -> list[Metric]:
    """What the charts of the study's views show of tables.

    Rows themselves are no metrics: MLflow would take the last one for a number of the run.
    """
    curves = [curve_of(plan, chart) for chart in charts]
    points = [
        _points(one, tables[one.table], time) for one in curves if one and one.table in tables
    ]
    return list(dict.fromkeys(chain(*points)))  # charts share what they are drawn over


def _points(curve: Curve, table: pd.DataFrame, time: int) -> Iterator[Metric]:
    from mlflow.entities import Metric

    points = curve.points(table)
    for step, (over, value) in enumerate(zip(points.index.tolist(), points.tolist(), strict=True)):
        yield Metric(curve.metric, value, time, step)
        if curve.over_metric:
            yield Metric(curve.over_metric, over, time, step)


def _hours(directory: RunDirectory, attempts: int) -> list[Metric]:
    """What each attempt cost, at the step of its number."""
    from mlflow.entities import Metric

    found = []
    for number in range(1, attempts + 1):
        begun, hours = directory.attempt(number), directory.seconds(number) / 3600
        if "started" in begun and "cpus" in begun and "gpus" in begun:
            time = int((begun["started"] + 3600 * hours) * 1000)
            for unit, count in (("cpu", begun["cpus"]), ("gpu", begun["gpus"])):
                found.append(Metric(hours_metric(unit), hours * count, time, number))
    return found
