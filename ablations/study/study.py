"""Studies: a question, a baseline, and the axes along which runs differ from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Annotated, Any, Literal

from annotated_types import Ge

from ablations.errors import UserError, cut, nearest, quoted
from ablations.study.calls import call
from ablations.study.claim import Claim
from ablations.study.experiment import REPLICATE, Experiment, Settings
from ablations.study.fields import check_fields, check_line
from ablations.study.limits import MOST_RUNS, UNLIMITED, Limits

LONGEST_NAME, LONGEST_LABEL = 100, 1000  # letters of an axis' name; of a level's, and a title
Design = Literal["one_factor", "factorial", "zipped"]


@dataclass(frozen=True)
class Axis:
    """A thing that is varied: named levels, each a few settings.

    `Axis("epochs", [50, 15])` varies one setting; `Axis("window", {"1/1": {"kernel": 1}, ...})`
    varies several together.
    """

    name: str
    levels: Mapping[str, Settings]

    def __init__(self, name: str, levels: Sequence[Any] | Mapping[str, Settings]) -> None:
        if not isinstance(levels, Mapping):
            if isinstance(levels, str | bytes | set | frozenset) or not hasattr(levels, "__iter__"):
                raise UserError(
                    f"axis {name!r}: its levels should be a list of values, or settings by name, "
                    f"not {levels!r}"
                )
            levels = {label: {name: value} for label, value in _labelled(name, levels)}
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "levels", dict(levels))
        check_fields(self, f"axis {quoted(name)}")
        check_line(name, f"the name of axis {quoted(name)}", LONGEST_NAME)
        for label in filter(None, self.levels):  # an empty text is a value, too
            check_line(label, f"axis {name}: the label {quoted(label)}", LONGEST_LABEL)


def _labelled(name: str, values: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Values and their labels.

    Raises:
        UserError: there are more than anybody can run, or two of them have one label.
    """
    known: dict[str, str] = {}
    for number, value in enumerate(values, start=1):
        if number > MOST_RUNS:
            raise UserError(f"axis {quoted(name)} has more than {MOST_RUNS:,} levels")
        label, text = str(value), repr(value)
        if known.setdefault(label, text) != text:
            raise UserError(
                f"axis {quoted(name)}: {cut(known[label], LONGEST_NAME)} and "
                f"{cut(text, LONGEST_NAME)} look alike: name the levels, as {{NAME: {{...}}}}"
            )
        yield label, value


@dataclass(frozen=True)
class Study:
    """A question, and the runs that answer it.

    Attributes:
        title: a few words, for headings.
        question: what the study wants to know, in one or two sentences.
        experiment: what runs.
        baseline: settings that lie over the scale's, by default none. One level of every axis must
            agree with it.
        design: `one_factor` (the baseline, and each axis varied alone), `factorial` (every
            combination), or `zipped` (first levels together, second levels together, ...).
        where: called with each configuration in full, an object of the experiment's `config` with
            checked values, such as `lambda config: config.epochs > 15`; keeps those for which it
            is true.
        seeds: how many replicates, with seeds 0, 1, ...
        claims: what is put to the test; their levels become labels.
        limits: of each run.
    """

    title: str
    question: str
    experiment: Experiment
    axes: Sequence[Axis]
    baseline: Settings = field(default_factory=dict)
    design: Design = "one_factor"
    where: Callable[[Any], bool] = lambda config: True
    seeds: Annotated[int, Ge(1)] = 1
    claims: Sequence[Claim] = ()
    limits: Limits = UNLIMITED

    def __post_init__(self) -> None:
        called = f"study {quoted(self.title)}"
        check_fields(self, called)
        check_line(self.title, f"the title of {called}", LONGEST_LABEL)
        names = [axis.name for axis in self.axes]
        for axis in self.axes:
            if names.count(axis.name) > 1:
                raise UserError(f"two axes are called {axis.name}: give one of them another name")
            if not axis.levels:
                raise UserError(f"axis {axis.name} has no levels: give it one or more")
        setters = self._setters()
        if REPLICATE in {**setters, **self.baseline}:
            raise UserError(f"{REPLICATE} is no axis or setting: ask for replicates with --seeds")
        object.__setattr__(self, "claims", tuple(map(self._checked, self.claims)))
        words = [claim.words for claim in self.claims]
        twice = next((one for one in words if words.count(one) > 1), None)
        if twice is not None:
            raise UserError(f"two claims say {quoted(twice)}: word one of them otherwise")

    def _setters(self) -> dict[str, str]:
        """The axis that sets each setting.

        Raises:
            UserError: two do.
        """
        setters: dict[str, str] = {}
        for axis in self.axes:
            for name in dict.fromkeys(n for level in axis.levels.values() for n in level):
                if name in setters:
                    raise UserError(
                        f"axes {setters[name]} and {axis.name} both set {name}; "
                        "fix one of them (--set AXIS=VALUE) or join them in one axis"
                    )
                setters[name] = axis.name
        return setters

    def _checked(self, claim: Claim) -> Claim:
        """The claim with its levels as labels.

        Raises:
            UserError: it is about what the study does not vary, or its experiment cannot pair.
        """
        axes = {axis.name: axis for axis in self.varied()}

        def label(name: str, level: Any) -> str:
            found = self._label(axes[name], level) if name in axes else None
            if found is None:
                near = (
                    nearest(str(level), axes[name].levels) if name in axes else nearest(name, axes)
                )
                raise UserError(
                    f"claim {claim.words!r} speaks of {name} {level!r}, which is no level of the "
                    f"study: {near}"
                )
            return found

        known = self.experiment.pairings
        if claim.pairing and claim.pairing not in known:
            hint = nearest(claim.pairing, known) if known else "its experiment names none"
            raise UserError(f"claim {claim.words!r}: pairing cannot be {claim.pairing!r}: {hint}")
        return claim.labelled(label)

    def _label(self, axis: Axis, level: Any) -> str | None:
        """The label of a level that is given by it or, of one setting, by its value."""
        if str(level) in axis.levels:
            return str(level)
        for label, settings in axis.levels.items():
            if settings.keys() == {axis.name} and self._is_same(axis.name, settings, level):
                return label
        return None

    def _is_same(self, setting: str, settings: Settings, value: Any) -> bool:
        """Whether a value, checked, is the one of that setting."""
        try:
            one, other = (self.experiment.check(setting, v) for v in (settings[setting], value))
        except UserError:
            return False
        # True is no level 1
        return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)

    def allows(self, config: Any) -> bool:
        """Whether `where` lets a configuration pass.

        Raises:
            UserError: it fails.
        """
        return bool(call("`where` of the study", self.where, config, convert=bool))

    def varied(self) -> Sequence[Axis]:
        """The axes; those of a zipped design as one, whose levels change them in step.

        Raises:
            UserError: axes to zip have different numbers of levels.
        """
        if self.design != "zipped" or len(self.axes) < 2:
            return self.axes
        if len({len(axis.levels) for axis in self.axes}) > 1:
            raise UserError("a zipped design needs axes with equally many levels")
        rows = zip(*(axis.levels.items() for axis in self.axes), strict=True)
        levels = {
            ", ".join(label for label, _ in row): {
                k: v for _, level in row for k, v in level.items()
            }
            for row in rows
        }
        return [Axis(" and ".join(axis.name for axis in self.axes), levels)]

    def baseline_levels(self, settings: Settings) -> dict[str, str]:
        """The level of every axis that agrees with the resolved `settings`.

        Raises:
            UserError: an axis has none.
        """
        chosen = {}
        for axis in self.varied():
            for label, level in axis.levels.items():
                checked = {name: self.experiment.check(name, level[name]) for name in level}
                if all(settings[name] == value for name, value in checked.items()):
                    chosen[axis.name] = label
                    break
            else:
                raise UserError(
                    f"no level of axis {axis.name} agrees with the study's baseline; "
                    f"levels: {', '.join(axis.levels)}"
                )
        return chosen

    def combinations(self, baseline: Mapping[str, str]) -> list[dict[str, str]]:
        """The level of every axis for every run of the design."""
        axes = self.varied()
        names = [axis.name for axis in axes]
        labels = [list(axis.levels) for axis in axes]
        if self.design == "factorial":
            return [dict(zip(names, row, strict=True)) for row in product(*labels)]
        alone = [
            {**baseline, axis.name: label}
            for axis in axes
            for label in axis.levels
            if label != baseline[axis.name]
        ]
        return [dict(baseline), *alone]

    def override(self, changes: Mapping[str, Sequence[Any]]) -> Study:
        """The study with axes or settings fixed to other values (`--set name=value[,value]`).

        The first value becomes the baseline's; several values make an axis. Levels of other axes
        that contradict go; an axis with one level left is not varied any more.

        Raises:
            UserError: a name or a value is unknown; says which is nearest.
        """
        if not changes:
            return self
        axes = {axis.name: axis for axis in self.axes}
        baseline = dict(self.baseline)
        for name, values in changes.items():
            axes, fixed = self._fix(axes, name, values)
            baseline.update(fixed)
        varied = [axis for axis in axes.values() if len(axis.levels) > 1]
        left = {axis.name: axis.levels for axis in varied}
        claims = [
            claim
            for claim in self.claims
            if all(level in left.get(axis, ()) for axis, level in claim.levels)
        ]
        return replace(self, axes=varied, baseline=baseline, claims=claims)

    def _fix(
        self, axes: dict[str, Axis], name: str, values: Sequence[Any]
    ) -> tuple[dict[str, Axis], Settings]:
        """The axes with one of them, or a setting, at other values; what its first value sets."""
        if name == REPLICATE:
            raise UserError(f"{REPLICATE} cannot be set: ask for replicates with --seeds")
        levels = axes[name].levels if name in axes else {}
        labels = [str(value) for value in values]
        if levels and levels.keys() >= set(labels):
            chosen = Axis(name, {label: levels[label] for label in labels})
            return {**axes, name: chosen}, levels[labels[0]]
        if name in self.experiment.settings:
            checked = [self.experiment.check(name, value) for value in values]
            # one value is no axis, and needs no label: it may be long
            own = {name: Axis(name, checked)} if len(checked) > 1 else {}
            axes = {other: axis for other, axis in axes.items() if other != name} | own
            agreeing = {other: _agreeing(axis, name, checked) for other, axis in axes.items()}
            return agreeing, {name: checked[0]}
        if levels:
            unknown = next(label for label in labels if label not in levels)
            raise UserError(f"{name} cannot be {unknown!r}: {nearest(unknown, levels)}")
        known = dict.fromkeys([*axes, *self.experiment.settings])
        raise UserError(f"there is no axis or setting {name!r}: {nearest(name, known)}")


def _agreeing(axis: Axis, name: str, values: Sequence[Any]) -> Axis:
    """`axis` without the levels that set `name` to anything but `values`."""
    return Axis(
        axis.name,
        {k: level for k, level in axis.levels.items() if level.get(name, values[0]) in values},
    )
