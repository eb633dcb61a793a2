"""What a search may choose: a level of every axis of a study, and values in ranges."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import chain, product
from typing import TYPE_CHECKING, Any

from ablations.errors import UserError
from ablations.runs.provenance import CODE
from ablations.search.importance import distribution
from ablations.study.expansion import Expansion, expand
from ablations.study.experiment import REPLICATE, Experiment, Settings
from ablations.study.plan import Cell
from ablations.study.study import Study

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Values = Mapping[str, Any]  # a level's label by axis, a number by setting with a range
DIGITS = 3  # significant ones of a number that is drawn


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included; drawn evenly, or evenly in their logarithm."""

    low: float
    high: float
    log: bool = False

    @property
    def whole(self) -> bool:
        """Whether they are whole numbers."""
        return isinstance(self.low, int)

    def rounded(self, value: float) -> float:
        """A drawn value with few digits, so that people can read and repeat it."""
        if self.whole:
            return value
        return min(max(float(f"{value:.{DIGITS}g}"), self.low), self.high)

    def record(self) -> list[Any]:
        """The range as JSON values."""
        return [self.low, self.high, self.log]


def parse_range(experiment: Experiment, text: str) -> tuple[str, Range]:
    """`learning_rate=1e-4:1e-2:log` to the setting's name and its range.

    Raises:
        UserError: it does not read so, or the setting takes no such numbers.
    """
    name, _, bounds = text.partition("=")
    low, _, rest = bounds.partition(":")
    high, _, scale = rest.partition(":")
    if not (name and low and high) or scale not in ("", "log"):
        raise UserError(
            f"--over {text} should read SETTING=LOW:HIGH or SETTING=LOW:HIGH:log, for example "
            "learning_rate=1e-4:1e-2:log"
        )
    if name == REPLICATE:
        raise UserError(f"{REPLICATE} cannot be searched: ask for replicates with --seeds")
    if not _in_order(low, high):
        raise UserError(f"--over {text}: {low} should be less than {high}, and both have an end")
    ends = [experiment.check(name, end) for end in (low, high)]
    if any(isinstance(end, bool) or not isinstance(end, int | float) for end in ends):
        raise UserError(f"--over {text}: {name} is no number; give it levels, --set {name}=A,B")
    if scale and ends[0] <= 0:
        raise UserError(f"--over {text}: a logarithmic range begins above 0")
    return name, Range(ends[0], ends[1], bool(scale))


def _in_order(low: str, high: str) -> bool:
    """Whether two texts are numbers from less to more, or no numbers at all."""
    try:
        return -math.inf < float(low) < float(high) < math.inf
    except ValueError:
        return True


def parse_ranges(experiment: Experiment, texts: Sequence[str]) -> dict[str, Range]:
    """Ranges by setting.

    Raises:
        UserError: one does not read so, or a setting has two.
    """
    ranges: dict[str, Range] = {}
    for name, one in (parse_range(experiment, text) for text in texts):
        if name in ranges:
            raise UserError(f"--over {name} is given twice")
        ranges[name] = one
    return ranges


class SearchSpace:
    """Every setting that a search may try.

    Attributes:
        plan: the study's, without cells: scale, family, axes and their baseline.
        ranges: by setting.
    """

    def __init__(
        self,
        name: str,
        study: Study,
        ranges: Mapping[str, Range],
        scale: str | None = None,
        family: str | None = None,
        changes: Mapping[str, Sequence[Any]] | None = None,
    ) -> None:
        """Arguments as those of `ablations.study.plan.expand`.

        Raises:
            UserError: there is nothing to choose, or the baseline is not part of it.
        """
        study = study.override(changes or {})
        # of a grid every combination would be planned, only to be left out
        design = "one_factor" if study.design == "factorial" else study.design
        self.study = replace(study, axes=_without(study, ranges), claims=(), design=design)
        self.ranges, self.experiment = ranges, study.experiment
        self.plan = replace(expand(name, self.study, scale, family, seeds=1).plan, cells=())
        scaled = self.experiment.scale(scale, family)[2]
        self._base: Settings = {**scaled, **study.baseline}
        self._levels = {axis.name: axis.levels for axis in self.study.varied()}
        if not self._levels and not ranges:
            raise UserError(
                f"study {name} has no axis left to search; give one more levels with --set, or a "
                "range with --over"
            )
        self._check()

    def _check(self) -> None:
        baseline = self.config(self.baseline)
        if not self.study.allows(baseline):
            raise UserError(
                f"`where` of study {self.plan.study} refuses its baseline; choose another with "
                "--set AXIS=LEVEL"
            )
        for name, one in self.ranges.items():
            if not one.low <= self.baseline[name] <= one.high:
                raise UserError(
                    f"--over {name}: the baseline's {self.baseline[name]} is outside of "
                    f"{one.low}:{one.high}; widen the range, or --set {name}=NUMBER inside"
                )
            for end in (one.low, one.high):
                self.config({**self.baseline, name: end})
        if not self.ranges:  # with other numbers a level may pass
            self._check_levels()

    def _check_levels(self) -> None:
        """Every level must be part of some setting that `where` lets pass."""
        unseen = {(axis, label) for axis, levels in self._levels.items() for label in levels}
        alone = ({**self.baseline, axis: label} for axis, label in sorted(unseen))
        for values in chain(alone, self._combinations(self._levels)):
            if not unseen:
                return
            if self.allows(values):
                unseen -= values.items()
        if unseen:
            axis, label = min(unseen)
            raise UserError(
                f"`where` of study {self.plan.study} refuses every setting with {axis}={label}; "
                f"leave that level out: --set {axis}="
                + ",".join(other for other in self._levels[axis] if other != label)
            )

    @cached_property
    def baseline(self) -> dict[str, Any]:
        """The study's own choice.

        Raises:
            UserError: a setting with a range has no number there.
        """
        found: dict[str, Any] = dict(self.plan.baseline)
        config = self.experiment.resolve(self._base)
        for name in self.ranges:
            found[name] = getattr(config, name)
            if found[name] is None:
                raise UserError(f"--over {name}: its baseline is no number; --set {name}=NUMBER")
        return found

    @property
    def choices(self) -> dict[str, dict[str, Any]]:
        """Levels by their labels and ranges by their ends, as JSON values."""
        return {
            **{axis: {"levels": list(levels)} for axis, levels in self._levels.items()},
            **{name: asdict(one) for name, one in self.ranges.items()},
        }

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """The choices as Optuna has them."""
        return {name: distribution(choice) for name, choice in self.choices.items()}

    def settings(self, values: Values) -> dict[str, Any]:
        """What these values set."""
        settings: dict[str, Any] = {}
        for name, value in values.items():
            settings.update({name: value} if name in self.ranges else self._levels[name][value])
        return settings

    def config(self, values: Values, seed: int = 0) -> Any:
        """The full configuration.

        Raises:
            UserError: the settings do not fit together.
        """
        return self.experiment.resolve({**self._base, **self.settings(values), REPLICATE: seed})

    def allows(self, values: Values) -> bool:
        """Whether the settings fit together and the study's `where` lets them pass."""
        try:
            config = self.config(values)
            if not self.study.allows(config):
                return False
            self.experiment.check_together(config)
        except UserError:
            return False
        return True

    def key(self, values: Values, seed: int) -> str:
        """The key of the run with these values."""
        return self.experiment.key(self.config(values, seed))

    def grown(self, name: str, runs: Sequence[tuple[Values, int]]) -> Expansion:
        """The expansion of a study called `name` that has these runs, by their values and seed."""
        baseline = {axis: str(value) for axis, value in self.baseline.items()}
        cells: list[Cell] = []
        configs: dict[str, Any] = {}
        for values, seed in runs:
            config = self.config(values, seed)
            levels = {axis: str(value) for axis, value in values.items()}
            cells.append(Cell.of(self.experiment.key(config), seed, levels, baseline))
            configs.setdefault(cells[-1].key, config)
        ranges = {
            setting: tuple(dict.fromkeys(cell.levels[setting] for cell in cells))
            for setting in self.ranges
        }
        plan = replace(
            self.plan,
            study=name,
            title=f"Search: {self.plan.title}",
            design="search",
            axes={**self.plan.axes, **ranges},
            baseline=baseline,
            cells=tuple(cells),
        )
        return Expansion(plan, self.experiment, configs)

    def grid(self) -> Iterator[dict[str, Any]]:
        """Every combination of levels that is allowed, with the baseline's numbers."""
        for values in self._combinations(self._levels):
            if self.allows(values):
                yield values

    def everything(self) -> Iterator[dict[str, Any]] | None:
        """Every allowed setting; None where the numbers have no end."""
        if not all(one.whole for one in self.ranges.values()):
            return None
        numbers = {n: range(int(one.low), int(one.high) + 1) for n, one in self.ranges.items()}
        found = self._combinations({**self._levels, **numbers})
        return (values for values in found if self.allows(values))

    def _combinations(self, choices: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        for row in product(*choices.values()):
            yield {**self.baseline, **dict(zip(choices, row, strict=True))}

    def _code(self) -> str | None:
        """The user's code that makes results, also that which only some levels name."""
        levels = (settings for labels in self._levels.values() for settings in labels.values())
        named = (item for settings in (self._base, *levels) for item in settings.items())
        pieces = {self.experiment.code_of_piece(setting, value) for setting, value in named}
        codes = {self.experiment.code, *pieces} - {None}
        return "+".join(sorted(map(str, codes))) or None

    def record(self) -> dict[str, Any]:
        """What makes it this space, as JSON values."""
        from pydantic_core import to_jsonable_python

        code = self._code()
        return {
            "experiment": self.experiment.name,
            "schema": self.experiment.schema,
            **({} if code is None else {CODE: code}),
            "scale": self.plan.scale,
            "family": self.plan.family,
            "settings": self.plan.settings,
            "axes": to_jsonable_python(self._levels),
            "ranges": {name: one.record() for name, one in self.ranges.items()},
        }

    def arguments(self, values: Values) -> str:
        """The `--set` options of `ablate run` that give these values."""
        own = {axis.name for axis in self.study.axes}
        parts = []
        for name, value in values.items():
            plain = name in self.ranges or (name in own and _is_plain(value))
            chosen = {name: value} if plain else self._levels[name][value]
            parts += [f"{setting}={_as_text(one)}" for setting, one in chosen.items()]
        return " ".join(f"--set {shlex.quote(part)}" for part in parts)


def _without(study: Study, ranges: Mapping[str, Range]) -> list[Any]:
    """The axes that are left when some settings are given by ranges.

    Raises:
        UserError: an axis sets one of these, and something else, or is only called like one.
    """
    left = []
    for axis in study.axes:
        setting = {name for level in axis.levels.values() for name in level}
        both = sorted(setting & ranges.keys())
        if both and setting != set(both):
            raise UserError(
                f"--over {both[0]}: axis {axis.name} sets it, too; fix that with "
                f"--set {axis.name}={next(iter(axis.levels))}"
            )
        if axis.name in ranges and not both:
            raise UserError(
                f"--over {axis.name}: the study has an axis of that name that sets "
                f"{', '.join(sorted(setting))}; give the axis another name"
            )
        if not both:
            left.append(axis)
    return left


def _is_plain(label: str) -> bool:
    return "," not in label and label[:1] not in ("[", "{")


def _as_text(value: Any) -> str:
    from pydantic_core import to_jsonable_python

    plain = to_jsonable_python(value)
    return json.dumps(plain) if isinstance(plain, list | dict) else str(plain)
