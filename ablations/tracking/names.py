"""Names that this project gives to things in MLflow: tags, metrics, artifacts."""

from __future__ import annotations

import re
from typing import NamedTuple

# tags of each run
KEY_TAG = "run_key"
SCHEMA_TAG = "schema"
SCALE_TAG = "scale"
FAMILY_TAG = "family"
ATTEMPT_TAG = "attempt"  # how many there were
PROGRESS_TAG = "progress"  # how many entries of it are delivered
RESULT_TAG = "result"  # digest of the result
ERROR_TAG = "error"

# tags of the runs that stand for studies and their seeds
STUDY_TAG = "ablations.study"
PLAN_TAG = "ablations.plan"  # digest of the plan, set when it was delivered
PLAN_FILE = "study.json"

# MLflow's own
NOTE_TAG = "mlflow.note.content"
PARENT_TAG = "mlflow.parentRunId"
# undocumented: an experiment tag that the runs page loads its state from; a test in a real browser
# holds it
VIEW_TAG = "mlflow.sharedViewState."

FAILURE_TAGS = (ERROR_TAG, NOTE_TAG)
RUN_SECONDS = "run_seconds"


class View(NamedTuple):
    """A view of the UI: its study, its axis (empty: all runs, by seed), and its path there."""

    study: str
    axis: str
    path: str


def member_tag(study: str, axis: str | None = None) -> str:
    """The tag of a run that holds its label in a study, or its level of an axis there."""
    return f"study.{study}.{axis}" if axis else f"study.{study}"


def is_member_tag(tag: str, study: str | None = None) -> bool:
    """Whether a tag tells what the run is in `study`, or in any."""
    if study is None:
        return tag.startswith(member_tag(""))
    own = member_tag(study)
    return tag == own or tag.startswith(f"{own}.")


def seed_name(study: str, seed: int) -> str:
    """What stands in STUDY_TAG of the run that stands for all runs of a study with one seed."""
    return f"{study}, seed {seed}"


def view_name(study: str, axis: str | None) -> str:
    """The name of a view, as MLflow's addresses take it."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{study}-{axis}" if axis else study)


def progress_metric(name: str) -> str:
    """What a run logged while it went on, by step."""
    return f"progress/{name}"


def table_metric(table: str, column: str) -> str:
    """A column of a table of the result, over the table's index."""
    return f"{table}/{column}"


def hours_metric(unit: str) -> str:
    """What each attempt cost, by its number, in hours of `cpu` or `gpu`."""
    return f"{unit}_hours"
