"""What the machinery runs: a typed configuration and a function that takes it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from functools import cache, cached_property, partial
from typing import Any, SupportsFloat, get_args, get_type_hints

from pydantic import TypeAdapter

from ablations.errors import UserError, nearest, quoted
from ablations.runs.attempt import Attempt
from ablations.study.annotation import check_annotation
from ablations.study.calls import call
from ablations.study.code import code_of
from ablations.study.fields import check_fields, check_line
from ablations.study.metric import Metric, Table, check_titles
from ablations.study.objective import Objective
from ablations.study.presentation import Presentation
from ablations.study.returned import as_presentation, as_seconds, as_sentences, as_texts
from ablations.study.validator import Validator, takes_text

Settings = Mapping[str, Any]
LONGEST_NAME = 100  # letters
REPLICATE = "seed"  # the field that tells replicates of one setting apart


@dataclass(frozen=True)
class Experiment:
    """One kind of run.

    Attributes:
        name: also the name of the MLflow experiment.
        config: a frozen dataclass whose every field has a default; it must have a field `seed`.
            Each field can be varied. Annotations are enforced (pydantic), unknown fields refused.
        function: called with the configuration and an `ablations.runs.attempt.Attempt`; returns the
            summary metrics: numbers by name, also numpy's and tensors of one element. Heavy imports
            belong inside it: only workers call it.
        schema: part of every run key; raise it when equal settings would give other results. Where
            `function` or `config` are a user's, the code that makes the results is, too (`code`).
        pieces: what users register as values of settings, by setting and by name: a class or a
            function each. Its code is part of the keys of the runs that name it. Asked when it is
            needed, so study files may add to it.
        since: fields that were added later, each with the value that was the behaviour before:
            runs that have it keep the keys that they had without the field. `anchors.start` is the
            field `start` of the dataclass, or of each of several, that `anchors` holds.
        scales: named settings that lie over the defaults, by scale (how large) and family (of
            what); the first of each is the default.
        expected_seconds: a guess for a run on one core, corrected by what finished runs took;
            NaN where nobody knows.
        check_settings: raises UserError where settings do not go together though the dataclass
            lets each pass. Called for every run that is planned, so it must be very quick.
        check_ready: raises UserError where a run of this configuration cannot start here, such
            as for want of a dataset; returns sentences on what to know of it else. Called before
            a launch, so it must be quick.
        savings: sentences on what runs of these configurations could share, or do, which
            `ablate plan` shows.
        metrics: what runs return, the one that counts most first. Others than these are kept, too.
        table: what every run keeps, if each row of it is a result; None: the run is one result.
        objectives: what a search may look for, by name; the first is the default.
        presentation: how results are looked at, and what of them can be spared; or a function that
            tells it of a configuration.
        pairings: columns of the result table by which claims may pair the rows of two settings;
            the first is the default.
        fixed: what all seeds of a configuration have in common though somebody else would draw it
            anew, in words such as "the test images": intervals do not cover it.
        packages: whose versions are kept as tags of each run, beside those of all packages in a
            file.
    """

    name: str
    config: type
    function: Callable[[Any, Attempt], Mapping[str, SupportsFloat]]
    schema: int = 1
    scales: Mapping[str, Mapping[str, Settings]] = field(
        default_factory=lambda: {"default": {"default": {}}}
    )
    expected_seconds: Callable[[Any], float] = lambda config: 1.0
    check_settings: Callable[[Any], None] = lambda config: None
    check_ready: Callable[[Any], Sequence[str] | None] = lambda config: None
    savings: Callable[[Sequence[Any]], Sequence[str] | None] = lambda configs: None
    metrics: Sequence[Metric] = ()
    table: Table | None = None
    objectives: Mapping[str, Objective] = field(default_factory=dict)
    presentation: Presentation | Callable[[Any], Presentation] = field(default_factory=Presentation)
    pairings: Sequence[str] = ()
    fixed: Callable[[Any], Sequence[str]] = lambda config: ()
    packages: Sequence[str] = ()
    since: Settings = field(default_factory=dict)
    pieces: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        called = f"experiment {quoted(self.name)}"
        check_fields(self, called)
        check_line(self.name, f"the name of {called}", LONGEST_NAME)
        check_annotation(self.function, called)
        check_titles(self.metrics, called)
        if not is_dataclass(self.config):
            raise UserError(f"{called}: config cannot be {self.config!r}: it is no dataclass")
        for item in fields(self.config):
            if item.default is MISSING and item.default_factory is MISSING:
                raise UserError(f"{called}: field {item.name} of its config needs a default")
        if REPLICATE not in self.settings:
            raise UserError(f"{called}: its config needs a field {REPLICATE}: int = 0")
        for name, families in {"": self.scales, **self.scales}.items():
            if not families:
                raise UserError(f"{called}: scales{name and f'.{name}'} is empty")
        self._check_since(called)
        self._check_pieces(called)

    def _check_pieces(self, called: str) -> None:
        """Refuse a name that is no field, and a field that cannot name a piece."""
        for name in self.pieces:
            if name not in self.settings:
                hint = nearest(name, self.settings)
                raise UserError(f"{called}: pieces names {name!r}, which is no field: {hint}")
            kind = self._of_config(lambda: self._validators)[name].kind
            if not takes_text(kind):
                raise UserError(
                    f"{called}: pieces names {name!r}, a field of type {kind}: only a field of "
                    "text can name a piece"
                )

    def _check_since(self, called: str) -> None:
        """Refuse a name that is no field, and a value that the field does not take."""
        for name in self.since:
            outer, _, inner = name.partition(".")
            known = self._inner(outer) if inner and outer in self.settings else self.settings
            if (inner or outer) not in known:
                hint = nearest(inner or outer, known)
                raise UserError(f"{called}: since names {name!r}, which is no field: {hint}")
        try:
            _ = self._before
        except UserError as error:
            raise UserError(f"{called}: since: {error}") from None

    @cached_property
    def _before(self) -> dict[str, str]:
        """The values of `since` as JSON text."""
        own = {name: one for name, one in self.since.items() if "." not in name}
        return {name: _text(one) for name, one in self.since.items() if name not in own} | {
            name: _text(self._of_config(_dumped, self._validators[name].kind, value))
            for name, value in ((name, self.check(name, one)) for name, one in own.items())
        }

    def _inner(self, name: str) -> tuple[str, ...]:
        """The fields of the dataclass that a setting holds, or holds several of; else none."""
        kinds = [get_type_hints(self.config).get(name)]
        while kinds:
            kind = kinds.pop(0)
            if isinstance(kind, type) and is_dataclass(kind):
                return tuple(item.name for item in fields(kind))
            kinds += get_args(kind)
        return ()

    @cached_property
    def code(self) -> str | None:
        """A digest of the user's code that makes the results; None where an installed package's is.

        See `ablations.study.code`.
        """
        return code_of(self.function, self.config)

    def code_for(self, config: Any) -> str | None:
        """A digest of the user's code that makes the result of one run: `code`, and its pieces'."""
        named = {
            setting: self.code_of_piece(setting, getattr(config, setting))
            for setting in self.pieces
        }
        own = {setting: code for setting, code in named.items() if code is not None}
        return _digest(_text([self.code, own])) if own else self.code

    def code_of_piece(self, setting: str, value: Any) -> str | None:
        """A digest of the user's code that a setting names by its value; None where it is none."""
        own = self.pieces.get(setting, {}).get(value) if isinstance(value, str) else None
        return _code_of_piece(own) if own else None

    def still_has(self, code: str | None, dumped: Mapping[str, Any]) -> bool:
        """Whether a run's code is as it was when `code_for` told it; None: no user's counts.

        Arguments:
            dumped: its configuration as JSON values.
        """
        try:
            return code is None or code == self.code_for(self.resolve(dumped))
        except UserError:  # a piece that is named is gone
            return False

    def read_code(self) -> None:
        """Read what `code_for` tells from files as they are now, not as they will be later."""
        _ = self.code
        for known in self.pieces.values():
            for piece in known.values():
                _code_of_piece(piece)

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        found: TypeAdapter[Any] = self._of_config(TypeAdapter, self.config)
        return found

    def _of_config(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call what calls what the user wrote in the class of the configuration."""
        what = f"{self.config.__name__}, the configuration of {self.name},"
        return call(what, function, *arguments, source=self.config)

    @cached_property
    def _validators(self) -> dict[str, Validator]:
        """A validator for each setting."""
        hints = get_type_hints(self.config, include_extras=True)
        return {name: Validator(hints[name]) for name in self.settings}

    @cached_property
    def _validator(self) -> Validator:
        return Validator(self.config)

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
            self._know(name)
        return self._of_config(self._validator.validate, dict(settings))

    def check(self, name: str, value: Any) -> Any:
        """One setting's value, checked alone and typed (from the command line, say)."""
        self._know(name)
        return self._of_config(lambda: self._validators[name].validate(value, name))

    def _know(self, name: str) -> None:
        if name not in self.settings:
            raise UserError(f"{self.name} has no setting {name!r}: {nearest(name, self.settings)}")

    def dump(self, config: Any) -> dict[str, Any]:
        """The configuration as plain JSON values.

        Raises:
            UserError: a setting is none.
        """
        found: dict[str, Any] = self._of_config(
            partial(self._adapter.dump_python, mode="json"), config
        )
        return found

    def guess(self, config: Any) -> float:
        """What `expected_seconds` says.

        Raises:
            UserError: it fails, or says nothing of the kind.
        """
        what = f"expected_seconds of experiment {self.name}"
        return float(call(what, self.expected_seconds, config, convert=as_seconds))

    def check_together(self, config: Any) -> None:
        """Ask `check_settings`.

        Raises:
            UserError: the settings do not go together, or the check itself fails.
        """
        call(f"check_settings of experiment {self.name}", self.check_settings, config)

    def ensure_ready(self, config: Any) -> list[str]:
        """What `check_ready` tells of a run.

        Raises:
            UserError: a run could not start here, or the check itself fails.
        """
        what = f"check_ready of experiment {self.name}"
        found: list[str] = call(what, self.check_ready, config, convert=as_sentences)
        return found

    def savings_of(self, configs: Iterable[Any]) -> list[str]:
        """What `savings` tells of runs.

        Raises:
            UserError: it fails, or returns no sentences.
        """
        what = f"savings of experiment {self.name}"
        found: list[str] = call(what, self.savings, list(configs), convert=as_sentences)
        return found

    def fixed_of(self, config: Any) -> tuple[str, ...]:
        """What `fixed` says of a configuration.

        Raises:
            UserError: it fails, or returns no list of texts.
        """
        what = f"fixed of experiment {self.name}"
        found: tuple[str, ...] = call(what, self.fixed, config, convert=as_texts)
        return found

    def presentation_of(self, configs: Iterable[Any]) -> Presentation:
        """What `presentation` says of runs of these configurations.

        Raises:
            UserError: it fails, or says nothing of the kind.
        """
        if isinstance(self.presentation, Presentation):
            return self.presentation
        what = f"presentation of experiment {self.name}"
        return Presentation.joined(
            call(what, self.presentation, one, convert=as_presentation) for one in configs
        )

    def setup(self, dumped: Mapping[str, Any]) -> str:
        """What a run is, whichever code makes its result: experiment, schema and configuration.

        Arguments:
            dumped: the configuration as JSON values; fields of `since` may be missing.
        """
        return _text([self.name, self.schema, self._counting(dumped)])

    def _counting(self, dumped: Mapping[str, Any]) -> dict[str, Any]:
        """The configuration without later fields that have the value of before them."""
        before = self._before
        later = {name for name in before if name in dumped and _text(dumped[name]) == before[name]}
        kept = {name: value for name, value in dumped.items() if name not in later}
        for path, value in before.items():
            outer, _, inner = path.partition(".")
            if inner and outer in kept:
                kept[outer] = _without(kept[outer], inner, value)
        return kept

    def key(self, config: Any) -> str:
        """The identity of a run: a hash of the whole resolved configuration and the schema.

        Where the code that makes the result is a user's, of that, too.
        """
        content = [self.name, self.schema, self._counting(self.dump(config))]
        code = self.code_for(config)
        return _digest(_text(content if code is None else [*content, code]))


@cache
def _code_of_piece(piece: Any) -> str | None:
    return code_of(piece)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _without(value: Any, name: str, before: str) -> Any:
    """A dumped dataclass, or several, without a field that has the value `before`, as JSON text."""
    if isinstance(value, list):
        return [_without(one, name, before) for one in value]
    if isinstance(value, dict) and name in value and _text(value[name]) == before:
        return {field: one for field, one in value.items() if field != name}
    return value


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _dumped(kind: Any, value: Any) -> Any:
    return TypeAdapter(kind).dump_python(value, mode="json")
