"""Expanding a study into runs. Pure: touches no disk, starts nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

from ablations.errors import UserError, quoted
from ablations.study.experiment import REPLICATE, Experiment
from ablations.study.limits import MOST_RUNS, UNLIMITED, Limits
from ablations.study.plan import Cell, Plan
from ablations.study.round_trip import check_round_trip
from ablations.study.study import Study


@dataclass(frozen=True)
class Expansion:
    """A plan, and what it takes to get it done: the experiment and each run's configuration.

    Attributes:
        configs: by run key.
        limits: of each run, as the study has them.
        accepted: keys of finished runs that are taken though other code made them.
    """

    plan: Plan
    experiment: Experiment
    configs: Mapping[str, Any]
    limits: Limits = UNLIMITED
    accepted: frozenset[str] = frozenset()

    def expected_seconds(self) -> dict[str, float]:
        """The experiment's guess for each run on one core, by key; NaN where nobody knows."""
        return {key: self.experiment.guess(config) for key, config in self.configs.items()}


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
    file: Path | None = None,
) -> Expansion:
    """Every run that `study` asks for.

    Arguments:
        scale, family: of the experiment's, or None for the first.
        seeds: how many replicates, or None for the study's own number.
        changes: see `Study.override`.
        file: the user's own that holds the study, see `own_file`.

    Raises:
        UserError: a setting is unknown or out of range, there are too many runs, or none is left.
    """
    study = study.override(changes or {})
    experiment = study.experiment
    scale, family, scaled = experiment.scale(scale, family)
    base = {**scaled, **study.baseline}
    defaults = experiment.resolve(base)
    baseline = study.baseline_levels({n: getattr(defaults, n) for n in experiment.settings})
    seeds = seeds or study.seeds
    _check_size(name, study, seeds)
    cells, configs = _cells(study, base, baseline, seeds)
    if not cells:
        raise UserError(f"study {name} has no runs left: its `where` refuses all of them")
    pairing = next(iter(experiment.pairings), "")
    plan = Plan(
        study=name,
        title=study.title,
        question=study.question,
        design=study.design,
        scale=scale,
        family=family,
        experiment=experiment.name,
        axes={axis.name: tuple(axis.levels) for axis in study.varied()},
        settings=settings_of(experiment, defaults),
        baseline=baseline,
        cells=tuple(cells),
        claims=tuple(replace(one, pairing=one.pairing or pairing) for one in study.claims),
        code=experiment.code,
        metrics=tuple(experiment.metrics),
        table=experiment.table,
        presentation=experiment.presentation_of(configs.values()),
        fixed=experiment.fixed_of(defaults),
        replicates=study.seeds,
        file=str(file or ""),
    )
    return Expansion(plan, experiment, configs, study.limits)


def _check_size(name: str, study: Study, seeds: int) -> None:
    """Refuse more runs than a plan may have, before any is planned."""
    levels = [len(axis.levels) for axis in study.varied()]
    settings = prod(levels) if study.design == "factorial" else 1 + sum(n - 1 for n in levels)
    if settings * seeds > MOST_RUNS:
        raise UserError(
            f"study {name} would have {settings:,} settings with {quoted(seeds)} seeds each, more "
            f"than the {MOST_RUNS:,} runs that a plan may have: ask for fewer --seeds, or fix an "
            "axis with --set"
        )


def _cells(
    study: Study, base: Mapping[str, Any], baseline: Mapping[str, str], seeds: int
) -> tuple[list[Cell], dict[str, Any]]:
    """The cells of the design that `where` lets pass, and their configurations by run key."""
    experiment, cells = study.experiment, []
    configs: dict[str, Any] = {}
    levels_of = {axis.name: axis.levels for axis in study.varied()}
    for levels in study.combinations(baseline):
        settings = dict(base)
        for axis, label in levels.items():
            settings.update(levels_of[axis][label])
        for seed in range(seeds):
            config = experiment.resolve({**settings, REPLICATE: seed})
            if study.allows(config):
                if seed == 0:  # what differs between seeds is a whole number
                    check_round_trip(experiment, config)
                experiment.check_together(config)
                key = experiment.key(config)
                cells.append(Cell.of(key, seed, levels, baseline))
                configs.setdefault(key, config)
    return cells, configs
