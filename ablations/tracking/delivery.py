"""What goes to MLflow of one run: parameters, metrics, tags and files."""

from __future__ import annotations

import filecmp
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablations.runs import layout
from ablations.runs.directory import Inspection, RunDirectory, State
from ablations.tracking.names import (
    ATTEMPT_TAG,
    ERROR_TAG,
    FAILURE_TAGS,
    NOTE_TAG,
    RESULT_TAG,
    RUN_SECONDS,
    hours_metric,
    metric,
    progress_metric,
    table_metric,
)
from ablations.tracking.places import local_path

if TYPE_CHECKING:
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
    progress: Sequence[Mapping[str, Any]],
    tags: Mapping[str, str],
) -> None:
    """Bring an MLflow run up to date with its directory.

    Arguments:
        run: what is known of the MLflow run; brought up to date, too.
        seen: what decides, even where the run has gone on since.
        progress: what is new of it.
        tags: to be set with the rest.
    """
    from mlflow.entities import Param, RunTag

    from ablations.tracking.ledger import compared

    setup = directory.config()
    new = ATTEMPT_TAG not in run.tags  # tags arrive after parameters
    params = [Param(k, v) for k, v in flatten(setup["config"]).items()] if setup and new else []
    metrics, tags = _curves(progress), dict(tags)
    result = seen.result
    failure = directory.failure(seen.attempt) if seen.state is State.FAILED else None
    if result:
        directory.check_tables()
        metrics += _summary(result) + _tables(directory, result)
        tags |= {RESULT_TAG: digest_of(result)}
        tags |= {name: str(value) for name, value in result["provenance"].items()}
        _log_files(client, run.run_id, directory, result)
    if failure:
        tags |= {ERROR_TAG: failure["error"][:5000]}
        tags |= {NOTE_TAG: f"```\n{failure['traceback']}```"}
    else:
        _forget_failure(client, run)
    ended = result or failure
    if ended:
        metrics += _hours(directory, seen.attempt)
    client.log_batch(run.run_id, metrics, params, [RunTag(k, v) for k, v in tags.items()])
    run.tags |= compared(tags)
    _set_status(client, run, STATUS[seen.state], ended)


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


def digest_of(value: Any) -> str:
    """A short digest of a JSON value, by which changes are seen."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def holds_files(client: MlflowClient, artifacts: str, run: Entry, directory: RunDirectory) -> bool:
    """Whether the store holds the files of a finished run, sound as far as it tells quickly.

    Arguments:
        artifacts: where the experiment's files are.
    """
    result = directory.result()
    if result is None:  # set aside since, perhaps
        return True
    own = _files(directory, result)
    folder = local_path(artifacts)
    if folder is not None:
        kept = folder / run.run_id / "artifacts"
        return all(_same(kept / path.name, path) for path in own)
    sizes = {file.path: file.file_size for file in client.list_artifacts(run.run_id)}
    return all(sizes.get(path.name) == path.stat().st_size for path in own)


def _same(one: Path, other: Path) -> bool:
    return one.is_file() and filecmp.cmp(one, other, shallow=False)


def _log_files(
    client: MlflowClient, run_id: str, directory: RunDirectory, result: Mapping[str, Any]
) -> None:
    for path in _files(directory, result):
        client.log_artifact(run_id, str(path))


def _files(directory: RunDirectory, result: Mapping[str, Any]) -> list[Path]:
    """What of a finished run is delivered."""
    tables = [directory.table(name) for name in result["tables"]]
    others = [directory.files / name for name in (layout.CODE_DIFF, layout.PACKAGES)]
    others.append(directory.path / layout.CONFIG)
    return [*tables, *filter(Path.exists, others)]


def _forget_failure(client: MlflowClient, run: Entry) -> None:
    """Take off what told of the failure of an earlier attempt."""
    for stale in run.tags.keys() & FAILURE_TAGS:
        client.delete_tag(run.run_id, stale)
        del run.tags[stale]


def _curves(progress: Sequence[Mapping[str, Any]]) -> list[Metric]:
    from mlflow.entities import Metric

    return [
        Metric(progress_metric(name), value, int(entry["time"] * 1000), entry["step"])
        for entry in progress
        if "metrics" in entry
        for name, value in entry["metrics"].items()
    ]


def _summary(result: Mapping[str, Any]) -> list[Metric]:
    from mlflow.entities import Metric

    time = int(result["ended"] * 1000)
    values = {metric(name): value for name, value in result["metrics"].items()}
    values[RUN_SECONDS] = result["ended"] - result["started"]
    return [Metric(name, value, time, 0) for name, value in values.items()]


def _tables(directory: RunDirectory, result: Mapping[str, Any]) -> list[Metric]:
    """The numeric columns of each table as curves over its index.

    Without those that are called like a metric of the result, which would be one with it.
    """
    import pandas as pd
    from mlflow.entities import Metric

    time = int(result["ended"] * 1000)
    metrics: list[Metric] = []
    known = {metric(name) for name in result["metrics"]}
    for name in result["tables"]:
        table = pd.read_parquet(directory.table(name)).select_dtypes("number")
        for column in table:
            called = table_metric(name, str(column))
            values = table[column].dropna() if called not in known else table[column][:0]
            metrics += [
                Metric(called, float(value), time, int(step))
                for step, value in zip(values.index.tolist(), values, strict=True)
            ]
    return metrics


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
