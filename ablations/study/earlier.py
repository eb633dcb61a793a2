"""Finished runs that only differ from those of a plan in the user's code that made them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from ablations.files import DamagedError
from ablations.runs.directory import RunDirectory
from ablations.runs.home import Home
from ablations.study.expansion import Expansion


def earlier_runs(home: Home, expansion: Expansion) -> dict[str, str]:
    """The keys of such runs, the latest of each, by those of the plan's runs that are not done.

    Runs of versions that did not tell the code are among them.
    """
    experiment = expansion.experiment
    missing = {
        experiment.setup(experiment.dump(config)): key
        for key, config in expansion.configs.items()
        if experiment.code_for(config) is not None and not home.run(key).is_done
    }
    found: dict[str, RunDirectory] = {}
    for run in home.runs() if missing else ():
        key = missing.get(_setup(run, expansion)) if run.is_done else None
        if key and (key not in found or _ended(run) > _ended(found[key])):
            found[key] = run
    return {key: found[key].key for key in expansion.configs if key in found}


def _setup(run: RunDirectory, expansion: Expansion) -> str:
    """What a run is but for its code; empty where it is of another experiment."""
    experiment = expansion.experiment
    with suppress(DamagedError):
        told = run.config()
        if told and (told["experiment"], told["schema"]) == (experiment.name, experiment.schema):
            return experiment.setup(told["config"])
    return ""


def _ended(run: RunDirectory) -> float:
    return run.result_file.stat().st_mtime


def accepting(expansion: Expansion, earlier: Mapping[str, str]) -> Expansion:
    """The expansion with runs of earlier code in place of its own, see `earlier_runs`."""
    cells = [replace(one, key=earlier.get(one.key, one.key)) for one in expansion.plan.cells]
    return replace(
        expansion,
        plan=replace(expansion.plan, cells=tuple(cells)),
        configs={earlier.get(key, key): one for key, one in expansion.configs.items()},
        accepted=frozenset(earlier.values()),
    )
