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
from ablations.study.catalogue import with_results
from ablations.study.metric import Metric
from ablations.study.plan import Levels, Plan, read_plan
from ablations.tracking.contact import reaching
from ablations.tracking.names import (
    KEY_TAG,
    PLAN_FILE,
    PLAN_TAG,
    PROGRESS,
    STUDY_TAG,
    member_tag,
    metric,
    name_of_metric,
    progress_metric,
)
from ablations.tracking.places import local_path
from ablations.tracking.store import connect, search

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.entities import Run


MENDING = "`ablate sync --all` delivers anew what the home still has"

INFINITE = 1.797e308  # stores keep an infinite number as the largest that there is


@dataclass(frozen=True)
class TrackedRun:
    """A finished run as the tracking store holds it.

    Attributes:
        metrics: by the names that the store has for them.
        table: see `Experiment.table`; empty where there is none.
        params: see `delivery.flatten`.
        left_out: of the study, see there.
        store: for what few readers ask for.
    """

    key: str
    run_id: str
    metrics: dict[str, float]
    tags: dict[str, str]
    table: pd.DataFrame
    params: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list, compare=False)
    store: MlflowClient | None = field(default=None, repr=False)

    def value(self, one: Metric) -> float | None:
        """A summary metric, in its unit; None where the run does not tell it, or no finite one."""
        found = self.metrics.get(metric(one.name))
        return None if found is None or not _is_finite(found) else one.factor * found

    @property
    def logged(self) -> list[str]:
        """What it logged while it ran: names that `read_curve` takes."""
        return sorted(
            name.removeprefix(PROGRESS) for name in self.metrics if name.startswith(PROGRESS)
        )

    def read_table(self, name: str) -> pd.DataFrame | None:
        """Another of the run's tables; None where it has none of that name, or it is damaged.

        Raises:
            UserError: the store does not answer.
        """
        if self.store is None:
            return None
        with reaching(f"of run {self.key}"), TemporaryDirectory() as temporary:
            names = {file.path for file in self.store.list_artifacts(self.run_id)}
            if layout.table(name) not in names:
                return None
            run = self.store.get_run(self.run_id)
            return _read_table(self.store, run, self.key, name, temporary, self.left_out)

    def read_curve(self, name: str) -> dict[int, float]:
        """What the run logged as `name` while it ran, by step; empty where it logged no such thing.

        Steps that an attempt did again count once, as they were last. What is not finite is left
        out.

        Raises:
            UserError: the store does not answer.
        """
        if self.store is None:
            return {}
        with reaching(f"of run {self.key}"):
            points = self.store.get_metric_history(self.run_id, progress_metric(name))
        points.sort(key=lambda point: (point.step, point.timestamp))
        curve = {point.step: point.value for point in points}
        return {step: value for step, value in curve.items() if _is_finite(value)}


@dataclass(frozen=True)
class TrackedStudy:
    """A study's plan and its finished runs by key.

    Attributes:
        experiment: MLflow's id of the experiment that holds them.
        left_out: what could not be read, and why.
    """

    plan: Plan
    runs: dict[str, TrackedRun]
    experiment: str = ""
    left_out: list[str] = field(default_factory=list, compare=False)

    @property
    def not_finite(self) -> list[str]:
        """Summary metrics that no report can count, each with its run."""
        declared = {metric(one.name) for one in self.plan.metrics}
        return [
            f"{name_of_metric(name)} of run {run.key}"
            for run in self.runs.values()
            for name, value in run.metrics.items()
            if ("/" not in name or name in declared) and not _is_finite(value)
        ]

    def replicates(self, levels: Levels) -> dict[int, TrackedRun | None]:
        """The run of every planned seed for one setting of all axes; None where it is missing."""
        return {
            cell.seed: self.runs.get(cell.key) for cell in self.plan.cells if cell.levels == levels
        }


def _is_finite(value: float) -> bool:
    return abs(value) < INFINITE  # nor is NaN


def read_study(uri: str, name: str) -> TrackedStudy:
    """The tracked study `name` with the table of every finished run, if its experiment has one.

    Runs whose table cannot be read are left out, and named.

    Raises:
        UserError: the store does not answer, or holds no such study.
    """
    client = connect(uri)
    import pandas as pd

    with reaching(uri), TemporaryDirectory() as temporary:
        refused = Refused()
        plans = read_plans(client, refused)
        if name not in plans:
            refused.check()  # it may be among these
            known = nearest(name, plans) if plans else "no study is tracked there yet"
            raise UserError(f"study {name!r} is not tracked in {uri}: {known}")
        experiment, plan = plans[name]
        plan = with_results(plan)
        runs, left_out = {}, list[str]()
        # the store holds the runs of all studies, and takes its time to tell of each
        own = f"attributes.status = 'FINISHED' AND tags.`{member_tag(name)}` LIKE '%'"
        for run in search(client, experiment, own):
            key = run.data.tags.get(KEY_TAG, "")
            if key not in plan.runs:
                continue
            rows: pd.DataFrame | None = pd.DataFrame()
            if plan.table:
                rows = _read_table(client, run, key, plan.table.name, temporary, left_out)
            if rows is not None:
                runs[key] = TrackedRun(
                    key=key,
                    run_id=run.info.run_id,
                    metrics=run.data.metrics,
                    tags=run.data.tags,
                    table=rows,
                    params=run.data.params,
                    store=client,
                    left_out=left_out,
                )
        return TrackedStudy(plan, runs, experiment, left_out)


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
                name = run.data.tags[STUDY_TAG]
                with damaged.aside():
                    plans[name] = identity, _read_plan(client, run, name, temporary)
    if refused is None:
        damaged.check()
    return plans


def _read_plan(client: MlflowClient, run: Run, study: str, temporary: str) -> Plan:
    source = f"{PLAN_FILE} of study {study} in the tracking store"
    try:
        path = _file(client, run, PLAN_FILE, temporary)
        return read_plan(read_json(path, dict), source)
    except FileNotFoundError:
        raise UserError(f"{source} is missing; {MENDING}") from None
    except DamagedError:
        raise UserError(f"{source} is damaged; {MENDING}") from None


def _read_table(
    client: MlflowClient, run: Run, key: str, name: str, temporary: str, left_out: list[str]
) -> pd.DataFrame | None:
    """A table of a run; None where it is missing or damaged, which is noted."""
    import pandas as pd

    file = layout.table(name)
    try:
        return pd.read_parquet(_file(client, run, file, temporary))
    except FileNotFoundError:
        reason = "is missing"
    except (OSError, ValueError) as error:  # as pyarrow says it
        reason = f"cannot be read ({next(iter(str(error).splitlines()), '')[:100]})"
    left_out.append(f"run {key}: its {file} in the tracking store {reason}")
    return None


def _file(client: MlflowClient, run: Run, artifact: str, temporary: str) -> Path:
    """A file of a run, to be read: where it lies on this machine, else a copy.

    Raises:
        FileNotFoundError: the store lacks it.
    """
    from mlflow.exceptions import MlflowException

    run_id, here = run.info.run_id, local_path(run.info.artifact_uri)
    if here is not None and (here / artifact).is_file():
        return here / artifact
    folder = Path(temporary) / run_id
    folder.mkdir(exist_ok=True)
    try:
        return Path(client.download_artifacts(run_id, artifact, str(folder)))
    except (MlflowException, OSError) as error:
        if artifact in {file.path for file in client.list_artifacts(run_id)}:
            raise
        raise FileNotFoundError(artifact) from error
