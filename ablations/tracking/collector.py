"""The collector: projects run directories into MLflow.

Idempotent: an MLflow run is found by its tag `run_key`, so collecting twice changes nothing, and
what one pass could not deliver the next one does. MLflow never holds anything that the run
directories do not. What it holds is remembered (`ledger.py`), so that it need not be searched.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Set
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

from filelock import FileLock, Timeout

from ablations.errors import UserError
from ablations.files import write_json
from ablations.runs.home import Home, Inspection, RunDirectory, State
from ablations.tracking.ledger import (
    FAILURE_TAGS,
    FEW,
    NOTE_TAG,
    PARENT_TAG,
    Entry,
    Ledger,
    Page,
    compared,
    seed_name,
)
from ablations.tracking.store import KEY_TAG, PLAN_TAG, STUDY_TAG, connect, reaching, sqlite_path

if TYPE_CHECKING:
    from mlflow.entities import Metric, Run

Outcome = TypeVar("Outcome")
LOCK_SECONDS = 60
OWN_FAULT = ("INVALID", "INVALID_PARAMETER_VALUE", "BAD_REQUEST")  # of the run, not of the store
OUTDATED = ("RESOURCE_DOES_NOT_EXIST", *OWN_FAULT)  # may also come of what was deleted meanwhile
STATUS = {
    State.WAITING: "SCHEDULED",
    State.RUNNING: "RUNNING",
    State.LOST: "KILLED",
    State.FAILED: "FAILED",
    State.CANCELLED: "KILLED",
    State.DONE: "FINISHED",
}


class RefusedError(UserError):
    """Some runs cannot be tracked, by their own fault; all others are."""


class Collector:
    """Projects what is on disk into one tracking store."""

    def __init__(self, home: Home, uri: str, create: bool = True) -> None:
        """See `connect`."""
        self.home, self.uri = home, uri
        self.client = connect(uri, create)
        self.observer = home.observer()

    def sync(self, everything: bool = False) -> int:
        """Deliver what is new; returns how many runs changed.

        Arguments:
            everything: search the store for all runs, whatever the ledger remembers of it.

        Raises:
            RefusedError: a run cannot be delivered (the others are).
            UserError: the store does not answer. Nothing is lost: the next sync tries again.
        """
        lock = FileLock(self.home.root / "collector.lock", timeout=LOCK_SECONDS)
        try:
            # two collectors at once would both create what neither finds
            with lock, reaching(self.uri):
                ledger = Ledger(self.home.root, self.uri, self.client)
                try:
                    return self._pass(ledger, everything)
                finally:
                    ledger.save()
        except Timeout:
            raise UserError(f"another collector holds {lock.lock_file}; try again later") from None

    def _pass(self, ledger: Ledger, everything: bool) -> int:
        from mlflow.exceptions import MlflowException

        plans = self.home.plans()
        cells = {cell["key"]: (plan, cell) for plan in plans for cell in plan["cells"]}
        runs = {run.key: run for run in self.home.runs()}
        if everything or len(runs.keys() - ledger.keys()) > FEW:
            ledger.clear()
        changed, refused = 0, []
        for key in sorted(runs.keys() - ledger.keys("FINISHED")):
            try:
                changed += self._sync_run(ledger, runs[key], cells)
            except (MlflowException, UserError, ValueError) as error:
                if getattr(error, "error_code", "INVALID") not in OWN_FAULT:
                    raise
                refused.append(f"{runs[key].path}: {str(error).splitlines()[0]}")
        for plan in plans:
            self._sync_plan(ledger, plan)
        if refused:
            raise RefusedError(f"{len(refused)} runs cannot be tracked, the first {refused[0]}")
        return changed

    def _page(self, ledger: Ledger, experiment: str) -> Page:
        return ledger.page(experiment, self.home.artifacts if sqlite_path(self.uri) else None)

    def _sync_run(self, ledger: Ledger, directory: RunDirectory, cells: dict[str, Any]) -> bool:
        content = directory.config()
        if content is None:
            return False
        page = self._page(ledger, content["experiment"])

        def project() -> bool:
            run = ledger.find(page, directory.key)
            if run and run.status == "FINISHED":
                return False
            seen = directory.inspect(self.observer)
            if seen.lease is None:
                return False
            progress = directory.progress()
            if run is None:
                new = self._create(page, directory.key, content, progress, cells)
                run = ledger.add(page, directory.key, new)
            tags = {"attempt": str(seen.attempt), "progress": str(len(progress))}
            if run.status == STATUS[seen.state] and tags.items() <= run.tags.items():
                return False
            left = progress[int(run.tags.get("progress", 0)) :]
            self._deliver(run, directory, content["config"], left, seen, tags)
            return True

        return _trusting(ledger, page, directory.key, project)

    def _create(
        self,
        page: Page,
        key: str,
        content: dict[str, Any],
        progress: list[dict[str, Any]],
        cells: dict[str, Any],
    ) -> Run:
        plan, cell = cells.get(key, ({}, {}))
        tags = {
            KEY_TAG: key,
            "schema": str(content["schema"]),
            "scale": plan.get("scale", ""),
            "family": plan.get("family", ""),
        }
        start = int(progress[0]["time"] * 1000) if progress else None
        name = cell.get("name", key)
        return self.client.create_run(page.experiment, start, tags=tags, run_name=name)

    def _deliver(
        self,
        run: Entry,
        directory: RunDirectory,
        config: dict[str, Any],
        progress: list[dict[str, Any]],
        seen: Inspection,
        tags: dict[str, str],
    ) -> None:
        from mlflow.entities import Param, RunTag

        identity = run.run_id
        new = "attempt" not in run.tags  # tags arrive after parameters
        params = [Param(k, v) for k, v in flatten(config).items()] if new else []
        metrics = _curves(progress)
        # what was seen decides, even where the run has gone on since
        result = directory.result() if seen.state is State.DONE else None
        failure = directory.failure(seen.attempt) if seen.state is State.FAILED else None
        if result:
            metrics += _summary(result) + self._tables(identity, directory, result)
            tags |= {"result": _digest(result)}
            tags |= {name: str(value) for name, value in result["provenance"].items()}
            for name in ("config.json", "code.diff", "packages.txt"):
                if (directory.path / name).exists():
                    self.client.log_artifact(identity, str(directory.path / name))
        if failure:
            tags |= {"error": failure["error"][:5000], NOTE_TAG: f"```\n{failure['traceback']}```"}
        else:
            for stale in run.tags.keys() & FAILURE_TAGS:  # of an earlier attempt
                self.client.delete_tag(identity, stale)
                del run.tags[stale]
        ended = result or failure
        if ended:
            metrics += _hours(directory, seen.attempt)
        self.client.log_batch(identity, metrics, params, [RunTag(k, v) for k, v in tags.items()])
        run.tags |= compared(tags)
        if ended:  # the status last: FINISHED says that everything was delivered
            self.client.set_terminated(identity, STATUS[seen.state], int(ended["ended"] * 1000))
        elif run.status != STATUS[seen.state]:
            self.client.update_run(identity, status=STATUS[seen.state])
        run.status = STATUS[seen.state]

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

    def _sync_plan(self, ledger: Ledger, plan: dict[str, Any]) -> None:
        """A study is an MLflow run of its own, with the plan as artifact and a note.

        Below it hangs a run for each seed, and below that the runs, each in one study alone.
        """
        page = self._page(ledger, plan["experiment"])
        name, known = plan["study"], ledger.studies(page)
        run = known.get(name)
        digest = _digest(plan)
        if run is None:
            title = f"study {name}"
            run = self._create_heading(page, name, title, {NOTE_TAG: plan["question"]})
        elif run.data.tags.get(PLAN_TAG) != digest:
            self.client.set_tag(run.info.run_id, NOTE_TAG, plan["question"])
        if run.data.tags.get(PLAN_TAG) != digest:
            with TemporaryDirectory() as temporary:
                path = Path(temporary) / "study.json"
                write_json(path, plan)
                self.client.log_artifact(run.info.run_id, str(path))
            self.client.set_terminated(run.info.run_id)
            self.client.set_tag(run.info.run_id, PLAN_TAG, digest)
        seeds = {cell["seed"] for cell in plan["cells"]}
        parents = {seed: self._seed(page, known, run, name, seed) for seed in seeds}
        places = {heading.info.run_id for heading in known.values()}.union(parents.values())
        cells = {cell["key"]: cell for cell in reversed(plan["cells"])}
        for key in list(page.runs):
            tag = partial(
                self._tag_member, ledger, page, key, name, cells.get(key), parents, places
            )
            _trusting(ledger, page, key, tag)

    def _seed(self, page: Page, known: dict[str, Run], above: Run, study: str, seed: int) -> str:
        """The id of the run that stands for a seed of a study, below the study's own."""
        name, tags = seed_name(study, seed), {PARENT_TAG: above.info.run_id}
        run = known.get(name)
        if run is None:
            run = self._create_heading(page, name, f"{study}: seed {seed}", tags)
        elif not tags.items() <= run.data.tags.items():  # the study's was deleted, and made anew
            self.client.set_tag(run.info.run_id, PARENT_TAG, above.info.run_id)
        return str(run.info.run_id)

    def _create_heading(self, page: Page, name: str, title: str, tags: dict[str, str]) -> Run:
        """A run under which others are found; `name` as `Ledger.studies` knows it."""
        tags = {STUDY_TAG: name, **tags}
        run = self.client.create_run(page.experiment, tags=tags, run_name=title)
        self.client.set_terminated(run.info.run_id)
        return run

    def _tag_member(
        self,
        ledger: Ledger,
        page: Page,
        key: str,
        study: str,
        cell: dict[str, Any] | None,
        parents: dict[int, str],
        places: Set[str],
    ) -> None:
        """What the run is in this study: its name there, the level of every axis, and its place.

        Arguments:
            parents: the run of every seed of the study.
            places: those of all studies, and the runs of these.
        """
        from mlflow.entities import RunTag

        run = ledger.find(page, key)
        if run is None:  # deleted in the store; made anew by the next pass
            return
        own = f"study.{study}"
        tags: dict[str, str] = {}
        if cell:
            tags[own] = cell["name"].rpartition(", seed")[0]
            tags |= {f"{own}.{axis}": level for axis, level in cell["levels"].items()}
            place = run.tags.get(PARENT_TAG, "")
            tags |= {PARENT_TAG: place if place in places else parents[cell["seed"]]}
        for name in run.tags.keys() - tags.keys():
            left = name == PARENT_TAG and run.tags[name] in parents.values()
            # the study asks something else now
            if left or name == own or name.startswith(f"{own}."):
                self.client.delete_tag(run.run_id, name)
                del run.tags[name]
        new = {name: value for name, value in tags.items() if run.tags.get(name) != value}
        if new:
            self.client.log_batch(run.run_id, tags=[RunTag(k, v) for k, v in new.items()])
            run.tags |= new


def _trusting(ledger: Ledger, page: Page, key: str, action: Callable[[], Outcome]) -> Outcome:
    """Act on what is remembered of a run, and where it proves wrong, on what the store says."""
    from mlflow.exceptions import MlflowException

    try:
        return action()
    except MlflowException as error:
        if error.error_code not in OUTDATED or not ledger.forget(page, key):
            raise
        return action()


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


def _hours(directory: RunDirectory, attempts: int) -> list[Metric]:
    """What each attempt cost, at the step of its number."""
    from mlflow.entities import Metric

    found = []
    for number in range(1, attempts + 1):
        begun, hours = directory.attempt(number), directory.seconds(number) / 3600
        if "cpus" in begun:
            time = int((begun["started"] + 3600 * hours) * 1000)
            for name in ("cpu", "gpu"):
                found.append(Metric(f"{name}_hours", hours * begun[f"{name}s"], time, number))
    return found


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
