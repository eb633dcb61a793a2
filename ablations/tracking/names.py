"""Names that this project gives to things in MLflow: tags, metrics, artifacts.

Studies, axes, columns and metrics are called as their authors like; MLflow takes letters, digits,
`_-.: /` and 250 of them. All names of ours go through `taken`.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, NamedTuple

# tags of each run
KEY_TAG = "run_key"
SCHEMA_TAG = "schema"
SCALE_TAG = "scale"
FAMILY_TAG = "family"
ATTEMPT_TAG = "attempt"  # how many there were
PROGRESS_TAG = "progress"  # how many entries of it are delivered
SAMPLES_TAG = "system_metrics"  # how many samples of them are delivered
RESULT_TAG = "result"  # digest of the result
ERROR_TAG = "error"

# tags of the runs that stand for studies and their seeds
STUDY_TAG = "ablations.study"
PLAN_TAG = "ablations.plan"  # digest of the plan, set when it was delivered
PLAN_FILE = "study.json"
SOURCES_TAG = "ablations.sources"  # digest of the names of the source folders that were delivered
SOURCES = "sources"  # the folder of artifacts with them

# MLflow's own
NOTE_TAG = "mlflow.note.content"
PARENT_TAG = "mlflow.parentRunId"
# undocumented: an experiment tag that the runs page loads its state from; a test in a real browser
# holds it
VIEW_TAG = "mlflow.sharedViewState."

TRAINING = "workflowType=machine_learning"  # of an address: else the UI shows what is for GenAI

LONGEST = 100  # letters of a study's or axis' name in those of MLflow
FAILURE_TAGS = (ERROR_TAG, NOTE_TAG)
RUN_SECONDS = "run_seconds"
BESIDE = "metric."  # before users' names that are ours
PROGRESS = "progress/"  # before the names of what runs log while they go on
CURVES = "charts/"  # before the names of what charts show of tables, see `curves.py`
SYSTEM = "system/"  # before those of what MLflow's tab of system metrics shows


class View(NamedTuple):
    """A view of the UI: its study, its axis (empty: all settings), and its path there."""

    study: str
    axis: str
    path: str


def digest_of(value: Any) -> str:
    """A short digest of a JSON value, by which changes are seen."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def verdict_tag(claim: str) -> str:
    """The tag of a study's run that holds the verdict on a claim."""
    return f"verdict.{taken(claim)}"


def taken(name: str, letters: str = r"\w.\- :") -> str:
    """`name` as MLflow takes it: unchanged where it does, else cleaned, with a digest of it.

    So different names stay different.
    """
    cleaned = re.sub(f"[^{letters}]+", "-", name)[:LONGEST].strip("-. ")
    if name and cleaned == name:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    return f"{cleaned}-{digest}" if cleaned else digest


def member_tag(study: str, axis: str | None = None) -> str:
    """The tag of a run that holds its label in a study, or its level of an axis there."""
    # without dots, which part study and axis
    parts = [taken(name, r"\w\- :") for name in (study, axis) if name]
    return ".".join(["study", *parts])


def is_member_tag(tag: str, study: str | None = None) -> bool:
    """Whether a tag tells what the run is in `study`, or in any."""
    if study is None:
        return tag.startswith("study.")
    own = member_tag(study)
    return tag == own or tag.startswith(f"{own}.")


def seed_name(study: str, seed: int) -> str:
    """What stands in STUDY_TAG of the run that stands for all runs of a study with one seed."""
    return f"{study}, seed {seed}"


def view_name(study: str, axis: str | None) -> str:
    """The name of a view, as MLflow's addresses take it."""
    # without dots, which part study and axis
    return ".".join(taken(name, r"A-Za-z0-9_\-") for name in (study, axis) if name)


def equals(tag: str, value: str) -> str:
    """MLflow's condition that a tag has a value, whatever quotes are in it."""
    for quote in ("'", '"'):
        if quote not in value:
            return f"tags.`{tag}` = {quote}{value}{quote}"
    return f"tags.`{tag}` LIKE '{value.replace(chr(39), '_')}'"  # _ is any letter


def metric(name: str) -> str:
    """A metric of the result; `metric.NAME` where the name is one of ours."""
    return _beside_ours(_cleaned(name))


def progress_metric(name: str) -> str:
    """What a run logged while it went on, by step."""
    return PROGRESS + _cleaned(name)


def system_metric(name: str) -> str:
    """What MLflow shows in its tab of system metrics, by MLflow's own names."""
    return SYSTEM + _cleaned(name)


def curve_metric(table: str, kind: str, column: str, over: str | None) -> str:
    """What a chart shows of a column of a table, worded as the title that MLflow makes of it.

    Arguments:
        kind: see `Curve`.
    """
    words = f"{kind} {taken(column)}" + (f" by {taken(over)}" if over else "")
    return f"{CURVES}{_cleaned(table)}: {words}"


def over_metric(table: str, limit: bool, over: str) -> str:
    """What charts of a table are drawn over; `limit`: values are of rows with at most as much."""
    return f"{CURVES}{_cleaned(table)}: {'at most ' * limit}{taken(over)}"


def _cleaned(name: str) -> str:
    parts = "/".join(map(taken, name.split("/")))
    return parts if len(parts) <= 2 * LONGEST else taken(name)


def _beside_ours(name: str) -> str:
    """A user's name that is none of ours, and stays another than other users' names."""
    return f"{BESIDE}{name}" if _is_ours(name) else name


def name_of_metric(metric: str) -> str:
    """The name whose `metric` it is."""
    bare = metric.removeprefix(BESIDE)
    return bare if _is_ours(bare) else metric


def _is_ours(name: str) -> bool:
    """Whether a name is one of ours, or such a one beside them."""
    while name.startswith(BESIDE):
        name = name.removeprefix(BESIDE)
    return name in OF_THE_MACHINERY or name.startswith((PROGRESS, CURVES, SYSTEM))


def hours_metric(unit: str) -> str:
    """What each attempt cost, by its number, in hours of `cpu` or `gpu`."""
    return f"{unit}_hours"


OF_THE_MACHINERY = {RUN_SECONDS, hours_metric("cpu"), hours_metric("gpu")}
