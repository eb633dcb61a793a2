"""The collector: projects run directories into MLflow.

Idempotent: an MLflow run is found by its tag `run_key`, so collecting twice changes nothing, and
what one pass could not deliver the next one does. MLflow never holds anything that the run
directories do not.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from ablations.claim import Observer
from ablations.errors import UserError
from ablations.files import write_json
from ablations.home import Home, Inspection, RunDirectory, State

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run

# before mlflow is imported: it reports usage otherwise, and retries for minutes
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "15")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

KEY_TAG = "run_key"
STUDY_TAG = "ablations.study"  # on the MLflow run that stands for a study
PLAN_TAG = "ablations.plan"  # digest of the plan, set when it was delivered
NOTE_TAG = "mlflow.note.content"
LOCK_SECONDS = 60
OWN_FAULT = ("INVALID", "INVALID_PARAMETER_VALUE", "BAD_REQUEST")  # of the run, not of the store
SCHEMES = ("http", "https", "sqlite", "postgresql", "mysql", "mssql", "databricks")
STATUS = {
    State.WAITING: "SCHEDULED",
    State.RUNNING: "RUNNING",
    State.LOST: "KILLED",
    State.FAILED: "FAILED",
    State.CANCELLED: "KILLED",
    State.DONE: "FINISHED",
}


@contextmanager
def reaching(uri: str) -> Iterator[None]:
    """Turn MLflow's and its database's errors into one sentence."""
    import sqlalchemy.exc
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, sqlalchemy.exc.SQLAlchemyError, OSError, ImportError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]
        raise UserError(f"the tracking store {uri} cannot be used: {reason}") from error


def check_uri(uri: str) -> None:
    """Refuse what no tracking store can be, without importing mlflow.

    Raises:
        UserError: the scheme of `uri` is unknown.
    """
    scheme = uri.partition(":")[0].partition("+")[0]
    if scheme not in SCHEMES:
        raise UserError(
            f"the tracking URI {uri!r} cannot be used: it should begin with {', '.join(SCHEMES)}"
        )


def connect(uri: str, create: bool = False) -> MlflowClient:
    """A client for `uri`.

    Arguments:
        create: make the schema of a new sqlite store.

    Raises:
        UserError: the store does not answer, or is not there.
    """
    check_uri(uri)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    with reaching(uri):
        from mlflow import MlflowClient

        if uri.startswith("sqlite:///"):
            path = Path(uri.removeprefix("sqlite:///"))
            if create:
                _create_sqlite(path)
            elif not path.exists():
                raise UserError(f"there is no tracking store {path}; name it with --tracking-uri")
        client = MlflowClient(tracking_uri=uri)
        client.search_experiments(max_results=1)
    return client


def _create_sqlite(path: Path) -> None:
    """Make the store elsewhere and rename it: killed half-way, its migrations never recover."""
    from mlflow import MlflowClient

    if path.exists():
        return
    if not path.parent.is_dir():
        raise UserError(f"cannot make the tracking store {path}: its folder does not exist")
    with (
        FileLock(path.with_suffix(".lock")),
        TemporaryDirectory(prefix=".", suffix=".tmp", dir=path.parent) as temporary,
    ):
        if not path.exists():
            new = Path(temporary) / path.name
            MlflowClient(tracking_uri=f"sqlite:///{new}").search_experiments(max_results=1)
            os.replace(new, path)


def experiment_id(client: MlflowClient, name: str, artifacts: Path | None) -> str:
    """The id of the MLflow experiment `name`, made where it is missing.

    Arguments:
        artifacts: where its files go, or None to leave that to the server.
    """
    found = client.get_experiment_by_name(name)
    if found:
        return found.experiment_id
    location = (artifacts / name).as_uri() if artifacts else None
    return client.create_experiment(name, artifact_location=location)


class Collector:
    """Projects what is on disk into one tracking store."""

    def __init__(self, home: Home, uri: str) -> None:
        self.home, self.uri = home, uri
        self.client = connect(uri, create=True)
        self.observer = Observer()
        self._known: dict[str, tuple[str, dict[str, Run]]] = {}  # by experiment

    def sync(self) -> int:
        """Deliver what is new; returns how many runs changed.

        Raises:
            UserError: the store does not answer, or a run cannot be delivered (the others are).
                Nothing is lost: the next sync tries again.
        """
        from mlflow.exceptions import MlflowException

        lock = FileLock(self.home.root / "collector.lock", timeout=LOCK_SECONDS)
        changed, refused = 0, []
        try:
            # two collectors at once would both create what neither finds
            with reaching(self.uri), lock:
                plans = self.home.plans()
                cells = {cell["key"]: (plan, cell) for plan in plans for cell in plan["cells"]}
                self._known.clear()
                for run in self.home.runs():
                    try:
                        changed += self._sync_run(run, cells)
                    except (MlflowException, UserError, ValueError) as error:
                        if getattr(error, "error_code", "INVALID") not in OWN_FAULT:
                            raise
                        refused.append(f"{run.path}: {str(error).splitlines()[0]}")
                for plan in plans:
                    self._sync_plan(plan)
        except Timeout:
            raise UserError(f"another collector holds {lock.lock_file}; try again later") from None
        if refused:
            raise UserError(f"{len(refused)} runs cannot be tracked, the first {refused[0]}")
        return changed

    def _experiment(self, name: str) -> tuple[str, dict[str, Run]]:
        if name not in self._known:
            own = self.home.artifacts if self.uri.startswith("sqlite:") else None
            identity = experiment_id(self.client, name, own)
            known: dict[str, Run] = {}
            for run in sorted(search(self.client, identity, ""), key=lambda r: r.info.start_time):
                tags = run.data.tags
                if KEY_TAG not in tags and STUDY_TAG not in tags:
                    continue  # somebody else's
                key = tags.get(KEY_TAG) or f"study:{tags[STUDY_TAG]}"
                if key in known:  # a repeated request made it twice
                    self.client.delete_run(run.info.run_id)
                else:
                    known[key] = run
            self._known[name] = identity, known
        return self._known[name]

    def _sync_run(self, directory: RunDirectory, cells: dict[str, Any]) -> bool:
        seen, content = directory.inspect(self.observer), directory.config()
        if content is None or seen.claim is None:
            return False
        identity, known = self._experiment(content["experiment"])
        run = known.get(directory.key)
        if run and run.info.status == "FINISHED":
            return False
        progress = directory.progress()
        if run is None:
            plan, cell = cells.get(directory.key, ({}, {}))
            tags = {
                KEY_TAG: directory.key,
                "schema": str(content["schema"]),
                "scale": plan.get("scale", ""),
                "family": plan.get("family", ""),
            }
            name = cell.get("name", directory.key)
            start = int(progress[0]["time"] * 1000) if progress else None
            run = self.client.create_run(identity, start, tags=tags, run_name=name)
            known[directory.key] = run
        tags = {"attempt": str(seen.attempt), "progress": str(len(progress))}
        if run.info.status == STATUS[seen.state] and tags.items() <= run.data.tags.items():
            return False
        delivered = int(run.data.tags.get("progress", 0))
        self._deliver(run, directory, content["config"], progress[delivered:], seen, tags)
        return True

    def _deliver(
        self,
        run: Run,
        directory: RunDirectory,
        config: dict[str, Any],
        progress: list[dict[str, Any]],
        seen: Inspection,
        tags: dict[str, str],
    ) -> None:
        from mlflow.entities import Param, RunTag

        identity = run.info.run_id
        params = [] if run.data.params else [Param(k, v) for k, v in flatten(config).items()]
        metrics = _curves(progress)
        # what was seen decides, even where the run has gone on since
        result = directory.result() if seen.state is State.DONE else None
        failure = directory.failure(seen.attempt) if seen.state is State.FAILED else None
        if result:
            metrics += _summary(result) + self._tables(identity, directory, result)
            tags |= {"result": _digest(result)}
            tags |= {name: str(value) for name, value in result["provenance"].items()}
            for name in ("config.json", "code.diff"):
                if (directory.path / name).exists():
                    self.client.log_artifact(identity, str(directory.path / name))
        if failure:
            tags |= {"error": failure["error"][:5000], NOTE_TAG: f"```\n{failure['traceback']}```"}
        else:
            for stale in {"error", NOTE_TAG} & run.data.tags.keys():  # of an earlier attempt
                self.client.delete_tag(identity, stale)
        self.client.log_batch(identity, metrics, params, [RunTag(k, v) for k, v in tags.items()])
        ended = result or failure
        if ended:  # the status last: FINISHED says that everything was delivered
            self.client.set_terminated(identity, STATUS[seen.state], int(ended["ended"] * 1000))
        elif run.info.status != STATUS[seen.state]:
            self.client.update_run(identity, status=STATUS[seen.state])

    def _tables(
        self, identity: str, directory: RunDirectory, result: dict[str, Any]
    ) -> list[Metric]:
        """Each table as an artifact, and its numeric columns as curves over the index."""
        import pandas as pd
        from mlflow.entities import Metric

        time = int(result["ended"] * 1000)
        metrics = []
        for name in result["tables"]:
            path = directory.path / f"{name}.parquet"
            self.client.log_artifact(identity, str(path))
            table = pd.read_parquet(path).select_dtypes("number")
            for column in table:
                values = table[column].dropna()
                metrics += [
                    Metric(f"{name}/{column}", float(value), time, int(step))
                    for step, value in zip(values.index.tolist(), values, strict=True)
                ]
        return metrics

    def _sync_plan(self, plan: dict[str, Any]) -> None:
        """A study is an MLflow run of its own, with the plan as artifact and a note."""
        identity, known = self._experiment(plan["experiment"])
        run = known.get(f"study:{plan['study']}")
        digest = _digest(plan)
        if run is None:
            tags = {STUDY_TAG: plan["study"], NOTE_TAG: plan["question"]}
            run = self.client.create_run(
                identity, tags=tags, run_name=f"study {plan['study']}: {plan['title']}"
            )
        elif run.data.tags.get(PLAN_TAG) != digest:
            self.client.set_tag(run.info.run_id, NOTE_TAG, plan["question"])
        if run.data.tags.get(PLAN_TAG) != digest:
            with TemporaryDirectory() as temporary:
                path = Path(temporary) / "study.json"
                write_json(path, plan)
                self.client.log_artifact(run.info.run_id, str(path))
            self.client.set_terminated(run.info.run_id)
            self.client.set_tag(run.info.run_id, PLAN_TAG, digest)
        cells = {cell["key"]: cell for cell in reversed(plan["cells"])}
        for key, member in known.items():
            self._tag_member(member, plan, cells.get(key))

    def _tag_member(self, member: Run, plan: dict[str, Any], cell: dict[str, Any] | None) -> None:
        """What the run is in this study: its name there, and the level of every axis."""
        from mlflow.entities import RunTag

        own = f"study.{plan['study']}"
        tags: dict[str, str] = {}
        if cell:
            tags[own] = cell["name"].rpartition(", seed")[0]
            tags |= {f"{own}.{axis}": level for axis, level in cell["levels"].items()}
        before = member.data.tags
        for name in before.keys() - tags.keys():
            if name == own or name.startswith(f"{own}."):  # the study asks something else now
                self.client.delete_tag(member.info.run_id, name)
        new = [RunTag(k, v) for k, v in tags.items() if before.get(k) != v]
        if new:
            self.client.log_batch(member.info.run_id, tags=new)


def search(client: MlflowClient, identity: str, condition: str) -> Iterator[Run]:
    """All runs of an experiment that meet MLflow's filter `condition`."""
    token = None
    while True:
        page = client.search_runs([identity], condition, max_results=1000, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def flatten(config: dict[str, Any]) -> dict[str, str]:
    """Settings as MLflow parameters: nested ones by dotted names, lists as JSON."""
    params: dict[str, str] = {}
    for name, value in config.items():
        if isinstance(value, dict):
            params |= {f"{name}.{inner}": text for inner, text in flatten(value).items()}
        else:
            params[name] = value if isinstance(value, str) else json.dumps(value)
    return params


def _curves(progress: list[dict[str, Any]]) -> list[Metric]:
    from mlflow.entities import Metric

    return [
        Metric(f"progress/{name}", value, int(entry["time"] * 1000), entry["step"])
        for entry in progress
        if "metrics" in entry
        for name, value in entry["metrics"].items()
    ]


def _summary(result: dict[str, Any]) -> list[Metric]:
    from mlflow.entities import Metric

    time = int(result["ended"] * 1000)
    values = {**result["metrics"], "run_seconds": result["ended"] - result["started"]}
    return [Metric(name, value, time, 0) for name, value in values.items()]


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
