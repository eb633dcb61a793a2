"""What the machinery runs: a typed configuration and a function that takes it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from ablations.errors import UserError, explain, nearest
from ablations.runs.attempt import Attempt
from ablations.study.objective import Objective
from ablations.study.presentation import Presentation

Settings = Mapping[str, Any]
REPLICATE = "seed"  # the field that tells replicates of one setting apart


@dataclass(frozen=True)
class Experiment:
    """One kind of run.

    Attributes:
        name: also the name of the MLflow experiment.
        config: a frozen dataclass whose every field has a default; it must have a field `seed`.
            Each field can be varied. Annotations are enforced (pydantic), unknown fields refused.
        function: called with the configuration and an `ablations.runs.attempt.Attempt`; returns the
            summary metrics. Heavy imports belong inside it: only workers call it.
        schema: part of every run key; raise it when equal settings would give other results.
        scales: named settings that lie over the defaults, by scale (how large) and family (of
            what); the first of each is the default.
        expected_seconds: a guess for a run on one core, corrected by what finished runs took;
            NaN where nobody knows.
        check_ready: raises UserError where a run of this configuration cannot start here, such
            as for want of a dataset; returns sentences on what to know of it else. Called before
            a launch, so it must be quick.
        objectives: what a search may look for, by name; the first is the default.
        presentation: how results are looked at, and what of them can be spared.
        pairings: columns of the result table by which claims may pair the rows of two settings;
            the first is the default.
        packages: whose versions are kept as tags of each run, beside those of all packages in a
            file.
    """

    name: str
    config: type
    function: Callable[[Any, Attempt], dict[str, float]]
    schema: int = 1
    scales: Mapping[str, Mapping[str, Settings]] = field(
        default_factory=lambda: {"default": {"default": {}}}
    )
    expected_seconds: Callable[[Any], float] = lambda config: 1.0
    check_ready: Callable[[Any], Sequence[str] | None] = lambda config: None
    objectives: Mapping[str, Objective] = field(default_factory=dict)
    presentation: Presentation = field(default_factory=Presentation)
    pairings: Sequence[str] = ()
    packages: Sequence[str] = ()

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self.config)

    @property
    def settings(self) -> tuple[str, ...]:
        """Names of everything that can be set."""
        return tuple(item.name for item in fields(self.config))

    def scale(self, name: str | None, family: str | None) -> tuple[str, str, Settings]:
        """The named scale and family, or the first of each, and their settings.

        Raises:
            UserError: there is none of that name; says which is nearest.
        """
        name = name or next(iter(self.scales))
        if name not in self.scales:
            raise UserError(f"no scale {name!r} for {self.name}: {nearest(name, self.scales)}")
        families = self.scales[name]
        family = family or next(iter(families))
        if family not in families:
            known = nearest(family, families)
            elsewhere = [scale for scale, names in self.scales.items() if family in names]
            hint = f"; scale {elsewhere[0]} has it" if elsewhere else ""
            raise UserError(f"no family {family!r} at scale {name}: {known}{hint}")
        return name, family, families[family]

    def resolve(self, settings: Settings) -> Any:
        """Settings over the defaults, checked and typed.

        Raises:
            UserError: a name or a value is unknown; says which is nearest.
        """
        for name in settings:
            if name not in self.settings:
                raise UserError(
                    f"{self.name} has no setting {name!r}: " + nearest(name, self.settings)
                )
        try:
            return self._adapter.validate_python(dict(settings))
        except ValidationError as error:
            raise UserError(explain(error)) from None

    def check(self, name: str, value: Any) -> Any:
        """One setting's value, checked alone and typed (from the command line, say)."""
        if name not in self.settings:
            raise UserError(f"{self.name} has no setting {name!r}: {nearest(name, self.settings)}")
        hints = get_type_hints(self.config, include_extras=True)
        try:
            return TypeAdapter(hints[name]).validate_python(value)
        except ValidationError as error:
            raise UserError(explain(error, name)) from None

    def dump(self, config: Any) -> dict[str, Any]:
        """The configuration as plain JSON values."""
        return self._adapter.dump_python(config, mode="json")

    def key(self, config: Any) -> str:
        """The identity of a run: a hash of the whole resolved configuration and the schema."""
        content = [self.name, self.schema, self.dump(config)]
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]
