"""The pipeline from Python: what `ablate plan`, `run`, `status` and `report` do, and results as
tables of pandas.

    import ablations

    ablations.run("overview", seeds=3)            # trains what is missing, with live progress
    ablations.results("overview")                 # a row a finished run
    ablations.table("overview", "stitch")         # a row a sub-network of a finished run

A study is a name, the path of a file, or a `Study`. Everywhere `home` is the folder of runs (by
default $ABLATE_HOME, or `outputs`), and what cannot be done raises `ablations.UserError` with one
sentence. Workers are processes of their own: they load the study by its name or file. So a `Study`
that was made here runs where a known study has its experiment; one with an experiment of its own
belongs into a file.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from ablations.asked import (
    a_count,
    a_folder,
    a_store,
    a_study,
    a_text,
    telling,
    values_by_name,
)
from ablations.errors import UserError, nearest
from ablations.launch.code_copy import launch_provenance
from ablations.launch.launcher import Launcher, take_snapshot
from ablations.launch.scheduler import Options
from ablations.launch.schedulers import make_scheduler
from ablations.launch.timing import expected_seconds
from ablations.refused import Refused
from ablations.runs.directory import RunDirectory
from ablations.runs.home import HOME_VARIABLE, Home, home_at
from ablations.runs.lease import Observer
from ablations.study.catalogue import load_study, name_of, own_file, reference_of, study_names
from ablations.study.earlier import accepting, earlier_runs
from ablations.study.expansion import Expansion, expand
from ablations.study.frames import by_run, label_names, labelled, read_rows
from ablations.study.limits import MOST_RUNS, MOST_WORKERS
from ablations.study.plans import plan_of
from ablations.study.study import Study
from ablations.terminal.activity import activity
from ablations.terminal.display import warn
from ablations.terminal.launching import prepare, watch
from ablations.terminal.outcome import earlier_code
from ablations.terminal.status import study_status
from ablations.tracking.reports import drawing_plugins, place_elsewhere, store_to_draw
from ablations.tracking.store import check_uri, writable

Reference = Study | str | Path  # a study: itself, its name, or its file
TRACKING_VARIABLE = "MLFLOW_TRACKING_URI"


@telling
def plan(
    study: Reference,
    *,
    home: str | Path | None = None,
    seeds: int | None = None,
    changes: Mapping[str, Any] | None = None,
    scale: str | None = None,
    family: str | None = None,
) -> pd.DataFrame:
    """Every run that a study asks for, and where it stands. Changes nothing.

        ablations.plan("overview", seeds=3, changes={"epochs": [5, 10], "tuning": "full"})

    Arguments:
        seeds: replicates of every run; by default as many as the study says.
        changes: axes or settings by name, each with another value, or with a list of them: its new
            levels. A value that is a list itself stands in a list.
        scale, family: see `ablate scales`; by default the first of each.

    Returns:
        A row a run, by run key, with `seed`, the level of each axis, `state`, and
        `expected_seconds` on one core.

    Raises:
        UserError: a name or a value is unknown or out of range; says which is nearest.
    """
    place, expansion = _home(home), _expand(study, seeds, changes, scale, family)
    runs = expansion.plan.runs
    seen = take_snapshot(place, list(runs), Observer()).runs
    seconds = expected_seconds(place, expansion)
    rows = [{"state": seen[key].state.value, "expected_seconds": seconds[key]} for key in runs]
    return by_run(expansion.plan, list(runs), rows)


@telling
def run(
    study: Reference,
    *,
    home: str | Path | None = None,
    seeds: int | None = None,
    changes: Mapping[str, Any] | None = None,
    scale: str | None = None,
    family: str | None = None,
    workers: int | None = None,
    accept_old_code: bool = False,
    tracking_uri: str | None = None,
) -> dict[str, int]:
    """Do the runs of a study that are not done yet, on this machine, and track them in MLflow.

        ablations.run("calibration.py", seeds=3, workers=2)

    It shows how far the runs are, in a terminal and in a notebook, and returns when all are over.
    An interruption stops the workers in good order; the same call goes on from there.

    Arguments:
        seeds, changes, scale, family: see `plan`.
        workers: runs side by side; by default one a GPU, without GPUs one a core.
        accept_old_code: take finished runs that earlier versions of your own code made.
        tracking_uri: MLflow store or server; by default $MLFLOW_TRACKING_URI, or sqlite in the
            home.

    Returns:
        How many runs ended in each state, such as `{"done": 6}`.

    Raises:
        UserError: something is wrong with what is asked, or runs cannot start here.
    """
    place = _home(home)
    uri = a_store(tracking_uri) or os.environ.get(TRACKING_VARIABLE) or place.tracking_uri
    options = Options(None if workers is None else a_count("workers", workers, MOST_WORKERS))
    with activity("planning") as doing:
        expansion, reference = _expand(study, seeds, changes, scale, family), _reference(study)
        check_uri(uri)
        scheduler = make_scheduler("local", place, options)
        doing(f"looking at {len(expansion.configs)} runs")
        earlier = earlier_runs(place, expansion)
        if accept_old_code:
            expansion = accepting(expansion, earlier)
        provenance = launch_provenance(reference, expansion)
        launcher = Launcher(place, reference, expansion, scheduler, provenance, uri, warn)
        if earlier:
            warn(earlier_code(len(earlier), reference, accept_old_code))
        prepare(place, expansion)
    snapshot, _ = watch(place, launcher, uri)
    return {state.value: count for state, count in snapshot.count().items()}


@telling
def status(study: Reference, *, home: str | Path | None = None) -> pd.DataFrame:
    """Where the runs stand that were last asked of a study. Changes nothing.

        ablations.status("overview").state.value_counts()

    Returns:
        A row a run, by run key, with `seed`, the level of each axis, `state`, the latest
        `attempt`, and `detail` in words, such as how far it is or why it failed.

    Raises:
        UserError: the study was never run in the home.
    """
    place = _home(home)
    asked = plan_of(place, _name(study))
    found = study_status(place, asked, Observer())["runs"]
    rows = [{name: one[name] for name in ("state", "attempt", "detail")} for one in found]
    return by_run(asked, [one["key"] for one in found], rows)


@telling
def results(study: Reference, *, home: str | Path | None = None) -> pd.DataFrame:
    """What the finished runs returned that were last asked of a study.

        ablations.results("overview").groupby("epochs").mean_top1.mean()

    They are read from the run directories, so they are never behind. Damaged runs are left out,
    with a warning.

    Returns:
        A row a run, by run key, with `seed`, the level of each axis, and each metric. A metric
        that has the name of a column before it is called `metric.NAME`.

    Raises:
        UserError: the study was never run in the home.
    """
    place = _home(home)
    asked = plan_of(place, _name(study))
    found: dict[str, dict[str, Any]] = {}
    with _warning_of_damage() as refused:
        for run in map(place.run, asked.runs):
            with refused.aside():
                result = run.result()
                if result is not None:
                    found[run.key] = dict(result["metrics"])
    return by_run(asked, list(found), list(found.values()), "metric")


@telling
def table(
    study: Reference, name: str, *, home: str | Path | None = None, binary: bool = False
) -> pd.DataFrame:
    """All rows of a table that each finished run of a study kept.

        stitches = ablations.table("overview", "stitch")
        stitches.groupby(["init", "route"]).top1.mean()

    They are read from the run directories, so they are never behind. Damaged runs are left out,
    with a warning.

    Arguments:
        name: of the table, such as `stitch`, of which a row is a sub-network.
        binary: whether to keep columns of bytes, such as which test images were correct.

    Returns:
        `key` and `seed` of the run, the level of each axis, and the table's index and columns. A
        column that has the name of one before it is called `TABLE.NAME`.

    Raises:
        UserError: the study was never run in the home, or its runs keep no such table.
    """
    place = _home(home)
    asked = plan_of(place, _name(study))
    a_text("name", name, "the name of a table")
    known: dict[str, None] = {}
    finished = False
    found: list[tuple[RunDirectory, pd.DataFrame]] = []
    with _warning_of_damage() as refused:
        for one in map(place.run, asked.runs):
            with refused.aside():
                result = one.result()
                tables = result["tables"] if result else []
                finished |= result is not None
                known |= dict.fromkeys(tables)
                if name in tables:
                    found.append((one, read_rows(one, name, binary)))
    if finished and name not in known:
        hint = f"table {name!r}: {nearest(name, known)}" if known else "tables"
        raise UserError(f"runs of {asked.study} keep no {hint}")
    parts = [labelled(asked, one.key, rows, name) for one, rows in found]
    none = pd.DataFrame(columns=label_names(asked))
    return pd.concat(parts, ignore_index=True) if parts else none


@telling
def report(
    study: Reference,
    *,
    home: str | Path | None = None,
    tracking_uri: str | None = None,
    output: str | Path | None = None,
    ui: str | None = None,
) -> Path:
    """Draw the report of a study from the tracking store; returns its page.

        ablations.report("overview")    # outputs/reports/overview/index.html

    Arguments:
        tracking_uri: see `run`.
        output: a folder; by default HOME/reports/STUDY.
        ui: address of the MLflow UI that links on the page lead to.

    Raises:
        UserError: the study is not tracked, or no run of it has finished.
    """
    place, name = _home(home), _name(study)
    ui = a_text("ui", ui, "the address of an MLflow UI, such as http://host:5000")
    chosen = a_folder("output", output)
    uri = store_to_draw(place, name, a_store(tracking_uri) or os.environ.get(TRACKING_VARIABLE))
    chosen = chosen or place_elsewhere(place, name, warn)
    plugins = drawing_plugins()
    if not plugins:
        raise UserError("no package here draws reports; install snnet-ablations anew")
    with writable(uri) as store:
        pages = [one.build_report(store, name, chosen or place.report(name), ui) for one in plugins]
    return Path(pages[0])


# what is asked


def _home(given: Any) -> Home:
    return home_at(a_folder("home", given or os.environ.get(HOME_VARIABLE)))


def _expand(
    study: Reference,
    seeds: int | None,
    changes: Mapping[str, Any] | None,
    scale: str | None,
    family: str | None,
) -> Expansion:
    seeds = None if seeds is None else a_count("seeds", seeds, MOST_RUNS)
    scale, family = a_text("scale", scale), a_text("family", family)
    values = values_by_name(changes)
    if isinstance(study, Study):
        return expand(_name(study), study, scale, family, seeds, values)
    reference = a_study(study)
    name, loaded = load_study(reference)
    return expand(name, loaded, scale, family, seeds, values, own_file(reference))


def _name(study: Reference) -> str:
    """What the plan of a study is called, or will be."""
    if not isinstance(study, Study):
        return name_of(a_study(study))
    known = reference_of(study)
    if known is not None and load_study(known)[1] is study:
        return known
    name = re.sub(r"\W+", "-", study.title.lower()).strip("-")
    if not name or name in study_names():
        raise UserError(
            f"a known study is called {name!r}: give this one another title than {study.title!r}"
        )
    return name


def _reference(study: Reference) -> str:
    """What workers load.

    Raises:
        UserError: they could load nothing.
    """
    if not isinstance(study, Study):
        return a_study(study)
    known = reference_of(study)
    if known is None:
        raise UserError(
            f"workers are other processes, and cannot load the experiment "
            f"{study.experiment.name!r} of a Study that was made here: write both into a file, as "
            "STUDY = Study(...), and give its path"
        )
    return known


@contextmanager
def _warning_of_damage() -> Iterator[Refused]:
    """Takes what is wrong with some runs, and warns of it in the end: the others are shown."""
    refused = Refused()
    yield refused
    try:
        refused.check()
    except UserError as error:
        warnings.warn(str(error), stacklevel=5)  # of whoever called what has this context
