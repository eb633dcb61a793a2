"""What a study asked for, as it is written to disk and to MLflow, and read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ablations.errors import UserError, explain
from ablations.study.claim import Claim
from ablations.study.metric import Metric, Table
from ablations.study.presentation import Presentation
from ablations.study.search_record import SearchRecord
from ablations.study.variant import Variant

Levels = Mapping[str, str]  # level by axis
# plans that have none do not mention them
RESULTS = ("metrics", "table", "presentation")
SOMETIMES = ("variant", "code", "search", *RESULTS, "fixed", "earlier", "file")


def label_of(levels: Levels, baseline: Levels) -> str:
    """What differs from `baseline`, for people."""
    changes = [f"{axis}={level}" for axis, level in levels.items() if level != baseline[axis]]
    return ", ".join(changes) or "baseline"


@dataclass(frozen=True)
class Cell:
    """One cell of the design: a run, and the level that each axis has in it.

    Attributes:
        label: what differs from the baseline, for people.
    """

    key: str
    seed: int
    levels: Levels
    label: str

    @classmethod
    def of(cls, key: str, seed: int, levels: Levels, baseline: Levels) -> Cell:
        """The cell, labelled by what differs from `baseline`."""
        return cls(key, seed, levels, label_of(levels, baseline))

    @property
    def name(self) -> str:
        """The label and the seed: what the run is called."""
        return f"{self.label}, seed {self.seed}"

    @property
    def position(self) -> tuple[str, ...]:
        """Where it stands in the design, whatever run is there."""
        return (str(self.seed), *(self.levels[axis] for axis in sorted(self.levels)))


@dataclass(frozen=True)
class Plan:
    """All runs of a study: what is asked, and what reports need to know of it.

    Attributes:
        experiment: its name.
        axes: levels by axis.
        settings: the baseline's configuration in full, as JSON values, without the seed.
        cells: two may share a run: `runs` has each once.
        search: what a search found, if the plan is that of one.
        variant: of which study it is one, and how; None where it is none.
        code: of a user's experiment, see `Experiment.code`.
        earlier: keys of runs that the study asked for when its question, or its code, was another.
        replicates: how many seeds the study itself asks for; None in plans of versions that did
            not say.
        metrics, table: what its runs tell, see `Experiment`.
        presentation: how its results are looked at; None in plans of versions that did not say.
        fixed: of the baseline, see `Experiment`.
        file: the user's study file; empty: it is a known study, or versions before did not say.
    """

    study: str
    title: str
    question: str
    design: str
    scale: str
    family: str
    experiment: str
    axes: Mapping[str, tuple[str, ...]]
    baseline: Levels
    settings: Mapping[str, Any]
    cells: tuple[Cell, ...]
    claims: tuple[Claim, ...] = ()
    variant: Variant | None = None
    code: str | None = None
    search: SearchRecord | None = None
    metrics: tuple[Metric, ...] = ()
    table: Table | None = None
    presentation: Presentation | None = None
    fixed: tuple[str, ...] = ()
    replicates: int | None = field(default=None, compare=False)
    earlier: tuple[str, ...] = field(default=(), compare=False)
    file: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        for claim in self.claims:
            for axis, label in claim.levels:
                if not isinstance(label, str):
                    raise UserError(f"claim {claim.words!r}: {axis} {label!r} is no label")

    @cached_property
    def runs(self) -> dict[str, Cell]:
        """The cells by run key, each run once."""
        runs: dict[str, Cell] = {}
        for cell in self.cells:
            runs.setdefault(cell.key, cell)
        return runs

    def keeping(self, before: Plan) -> Plan:
        """This plan with what an earlier one had beyond it.

        Of the same question these are cells, of another one keys of runs.
        """
        plan = self
        if self._asks_as(before):
            asked = {cell.position for cell in self.cells}
            kept = [cell for cell in before.cells if cell.position not in asked]
            plan = replace(self, cells=(*self.cells, *kept))
        known = dict.fromkeys((*before.earlier, *before.runs))
        return replace(plan, earlier=tuple(key for key in known if key not in plan.runs))

    def _asks_as(self, before: Plan) -> bool:
        """Whether an earlier plan had the same question, settings and code.

        The latter two are in the keys, which a later field with its value of before leaves alone.
        """
        keys = {cell.position: cell.key for cell in self.cells}
        shared = [cell for cell in before.cells if cell.position in keys]
        if not shared:
            return _question(before) == _question(self)
        likewise = replace(before, settings=self.settings, code=self.code)
        same = all(keys[cell.position] == cell.key for cell in shared)
        return same and _question(likewise) == _question(self)

    def record(self) -> dict[str, Any]:
        """The plan as JSON values; `read_plan` reads them."""
        found = ADAPTER.dump_python(self, mode="json", exclude={"cells", *SOMETIMES})
        found["cells"] = [
            {"key": cell.key, "seed": cell.seed, "levels": dict(cell.levels), "name": cell.name}
            for cell in self.cells
        ]
        for name in SOMETIMES:
            if getattr(self, name):
                found[name] = ADAPTER.dump_python(self, mode="json", include={name})[name]
        return found


ADAPTER: TypeAdapter[Plan] = TypeAdapter(Plan)


def read_plan(record: Any, source: object) -> Plan:
    """The plan that was written as `record`.

    Arguments:
        source: where it was found, for messages.

    Raises:
        UserError: it is no plan.
    """
    try:
        return parse_plan(record)
    except ValueError as error:
        raise UserError(
            f"{source} is no plan of a study ({error}); remove it and run the study anew"
        ) from None


def parse_plan(record: Any) -> Plan:
    """The plan that was written as `record`.

    Raises:
        ValueError: it is no plan; says why.
    """
    try:
        baseline = record["baseline"]
        cells = [{**cell, "label": label_of(cell["levels"], baseline)} for cell in record["cells"]]
        return ADAPTER.validate_python({**record, "cells": cells})
    except (TypeError, KeyError, AttributeError) as error:
        reason = f"{type(error).__name__} {error}"
    except ValidationError as error:
        reason = explain(error, record)
    except UserError as error:  # of a class that checks itself
        reason = str(error)
    raise ValueError(reason)


def _question(plan: Plan) -> Plan:
    """The plan without what may differ while the question is the same."""
    asked = replace(plan, cells=(), variant=None)
    return replace(asked, metrics=(), table=None, presentation=None, fixed=())
