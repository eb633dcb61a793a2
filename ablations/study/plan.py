"""Expanding a study into runs. Pure: touches no disk, starts nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ablations.errors import UserError
from ablations.study.claim import Claim
from ablations.study.experiment import REPLICATE, Experiment
from ablations.study.study import Study


@dataclass(frozen=True)
class Planned:
    """One cell of the design: a run, and the level that each axis has in it."""

    key: str
    seed: int
    levels: Mapping[str, str]
    config: Any

    def name(self, baseline: Mapping[str, str]) -> str:
        """What differs from the baseline, for people."""
        changes = [f"{a}={level}" for a, level in self.levels.items() if level != baseline[a]]
        return f"{', '.join(changes) or 'baseline'}, seed {self.seed}"


@dataclass(frozen=True)
class Plan:
    """All runs of a study. Two cells may share a run: `runs` has each once.

    That of a search holds its trials too, see `ablations.search.record`.
    """

    study: str
    title: str
    question: str
    design: str
    scale: str
    family: str
    experiment: Experiment
    axes: Mapping[str, Sequence[str]]  # levels by axis
    baseline: Mapping[str, str]  # level by axis
    settings: Mapping[str, Any]  # the baseline's configuration in full, as JSON values, no seed
    cells: Sequence[Planned]
    claims: Sequence[Claim] = ()
    search: Mapping[str, Any] | None = None  # JSON values

    @property
    def runs(self) -> dict[str, Planned]:
        """The cells by run key, each run once."""
        runs: dict[str, Planned] = {}
        for cell in self.cells:
            runs.setdefault(cell.key, cell)
        return runs

    def record(self) -> dict[str, Any]:
        """The plan as JSON values: what a report needs to know about the study."""
        own = {"search": self.search} if self.search else {}
        return own | {
            "study": self.study,
            "title": self.title,
            "question": self.question,
            "design": self.design,
            "scale": self.scale,
            "family": self.family,
            "experiment": self.experiment.name,
            "axes": {name: list(levels) for name, levels in self.axes.items()},
            "baseline": dict(self.baseline),
            "settings": self.settings,
            "claims": [claim.record() for claim in self.claims],
            "cells": [
                {
                    "key": cell.key,
                    "seed": cell.seed,
                    "levels": dict(cell.levels),
                    "name": cell.name(self.baseline),
                }
                for cell in self.cells
            ],
        }


def settings_of(experiment: Experiment, config: Any) -> dict[str, Any]:
    """The configuration as JSON values, without what tells replicates apart."""
    dumped = experiment.dump(config)
    return {name: value for name, value in dumped.items() if name != REPLICATE}


def expand(
    name: str,
    study: Study,
    scale: str | None = None,
    family: str | None = None,
    seeds: int | None = None,
    changes: Mapping[str, Sequence[Any]] | None = None,
) -> Plan:
    """Every run that `study` asks for.

    Arguments:
        scale, family: of the experiment's, or None for the first.
        seeds: how many replicates, or None for the study's own number.
        changes: see `Study.override`.

    Raises:
        UserError: a setting is unknown or out of range, or no run is left.
    """
    study = study.override(changes or {})
    experiment = study.experiment
    scale, family, scaled = experiment.scale(scale, family)
    base = {**scaled, **study.baseline}
    levels_of = {axis.name: axis.levels for axis in study.varied()}
    defaults = experiment.resolve(base)
    typed = {setting: getattr(defaults, setting) for setting in experiment.settings}
    baseline = study.baseline_levels(typed)
    cells = []
    for levels in study.combinations(baseline):
        settings = dict(base)
        for axis, label in levels.items():
            settings.update(levels_of[axis][label])
        for seed in range(seeds or study.seeds):
            config = experiment.resolve({**settings, REPLICATE: seed})
            if study.where(config):
                cells.append(Planned(experiment.key(config), seed, levels, config))
    if not cells:
        raise UserError(f"study {name} has no runs left: its `where` refuses all of them")
    return Plan(
        study=name,
        title=study.title,
        question=study.question,
        design=study.design,
        scale=scale,
        family=family,
        experiment=experiment,
        axes={axis.name: tuple(axis.levels) for axis in study.varied()},
        settings=settings_of(experiment, defaults),
        baseline=baseline,
        cells=tuple(cells),
        claims=tuple(study.claims),
    )
