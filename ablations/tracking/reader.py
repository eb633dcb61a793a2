"""Reading tracked runs back from MLflow: all that reports need, without run directories."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ablations.errors import UserError, nearest
from ablations.files import DamagedError, read_json
from ablations.refused import Refused
from ablations.runs import layout
from ablations.study.plan import Levels, Plan, read_plan
from ablations.tracking.names import KEY_TAG, PLAN_FILE, PLAN_TAG, STUDY_TAG, progress_metric
from ablations.tracking.store import connect, reaching, search

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient


@dataclass(frozen=True)
class TrackedRun:
    """A finished run as the tracking store holds it."""

    key: str
    run_id: str
    metrics: dict[str, float]
    tags: dict[str, str]
    table: pd.DataFrame
    params: dict[str, str] = field(default_factory=dict)  # see `delivery.flatten`
    store: MlflowClient | None = field(default=None, repr=False)  # for what few readers ask for

    def read_table(self, name: str) -> pd.DataFrame | None:
        """Another of the run's tables; None where it has none of that name.

        Raises:
            UserError: the store does not answer.
        """
        if self.store is None:
            return None
        with reaching(f"of run {self.key}"), TemporaryDirectory() as temporary:
            names = {file.path for file in self.store.list_artifacts(self.run_id)}
            if layout.table(name) not in names:
                return None
            return _read_table(self.store, self.run_id, name, temporary)

    def read_curve(self, name: str) -> dict[int, float]:
        """What the run logged as `name` while it ran, by step; empty where it logged no such thing.

        Steps that an attempt did again count once, as they were last.

        Raises:
            UserError: the store does not answer.
        """
        if self.store is None:
            return {}
        with reaching(f"of run {self.key}"):
            points = self.store.get_metric_history(self.run_id, progress_metric(name))
        points.sort(key=lambda point: (point.step, point.timestamp))
        return {point.step: point.value for point in points}


@dataclass(frozen=True)
class TrackedStudy:
    """A study's plan and its finished runs by key."""

    plan: Plan
    runs: dict[str, TrackedRun]
    experiment: str = ""  # MLflow's id of the experiment that holds them

    def replicates(self, levels: Levels) -> dict[int, TrackedRun | None]:
        """The run of every planned seed for one setting of all axes; None where it is missing."""
        return {
            cell.seed: self.runs.get(cell.key) for cell in self.plan.cells if cell.levels == levels
        }


def read_study(uri: str, name: str, table: str) -> TrackedStudy:
    """The tracked study `name` with the artifact table `table` of every finished run.

    Raises:
        UserError: the store does not answer, or holds no such study.
    """
    client = connect(uri)
    with reaching(uri), TemporaryDirectory() as temporary:
        refused = Refused()
        plans = read_plans(client, refused)
        if name not in plans:
            refused.check()  # it may be among these
            known = nearest(name, plans) if plans else "no study is tracked there yet"
            raise UserError(f"study {name!r} is not tracked in {uri}: {known}")
        experiment, plan = plans[name]
        runs = {}
        for run in search(client, experiment, "attributes.status = 'FINISHED'"):
            key = run.data.tags.get(KEY_TAG, "")
            if key in plan.runs:
                runs[key] = TrackedRun(
                    key=key,
                    run_id=run.info.run_id,
                    metrics=run.data.metrics,
                    tags=run.data.tags,
                    table=_read_table(client, run.info.run_id, table, temporary),
                    params=run.data.params,
                    store=client,
                )
        return TrackedStudy(plan, runs, experiment)


def read_plans(client: MlflowClient, refused: Refused | None = None) -> dict[str, tuple[str, Plan]]:
    """The experiment id and the plan of every tracked study, by name.

    Arguments:
        refused: takes what is wrong with plans that cannot be read; None: that is raised.

    Raises:
        UserError: a plan cannot be read.
    """
    plans, damaged = {}, Refused() if refused is None else refused
    with TemporaryDirectory() as temporary:
        for experiment in client.search_experiments():
            identity = experiment.experiment_id
            for run in search(client, identity, f"tags.`{PLAN_TAG}` LIKE '%'"):
                path = _download(client, run.info.run_id, PLAN_FILE, temporary)
                name = run.data.tags[STUDY_TAG]
                with damaged.aside():
                    plans[name] = identity, _read_plan(path, name)
    if refused is None:
        damaged.check()
    return plans


def _read_plan(path: Path, study: str) -> Plan:
    source = f"{PLAN_FILE} of {study} in the tracking store"
    try:
        return read_plan(read_json(path, dict), source)
    except DamagedError:
        raise UserError(f"{source} is damaged; remove that run there, then `ablate sync`") from None


def _read_table(client: MlflowClient, run_id: str, name: str, temporary: str) -> pd.DataFrame:
    import pandas as pd

    return pd.read_parquet(_download(client, run_id, layout.table(name), temporary))


def _download(client: MlflowClient, run_id: str, artifact: str, temporary: str) -> Path:
    folder = Path(temporary) / run_id
    folder.mkdir(exist_ok=True)
    return Path(client.download_artifacts(run_id, artifact, str(folder)))
