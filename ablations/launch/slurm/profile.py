"""What the user's file says that jobs may use, and how the site wants it.

[default]                 # cluster.toml
partition = "gpu"
time = "12:00:00"
setup = ["module load cuda"]

[default.sbatch]          # any other option of sbatch; below [default.srun] of srun
constraint = "a100"

[scale.imagenet]          # lies over the default at that scale
gpus = 1
mem = "64G"

[level.sampling.sandwich] # lies over both, for runs with that level of that axis
gpus = 4
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ablations.errors import UserError, nearest
from ablations.launch.scheduler import Work
from ablations.launch.slurm.options import kind
from ablations.launch.slurm.resources import Resources
from ablations.launch.slurm.settings import (
    INNER,
    Settings,
    joined,
    setting_of_command_line,
    setting_of_table,
)
from ablations.refused import Refused
from ablations.runs.home import Home
from ablations.study.catalogue import load_study, study_names
from ablations.study.plans import plans_of

PROFILE = "cluster.toml"
TIMES = ("time", "signal_seconds")  # which must fit together
TABLES = {"default": 0, "scale": 1, "level": 2}  # and how many names follow
_QUOTELESS = re.compile(r"\s*([\w.-]+)\s*=\s*([^\s\"'\[{#][^#]*?)\s*(#.*)?")

Scope = tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """The text of a profile, to say where a mistake is."""

    path: Path
    text: str = ""

    def mistake(self, keys: Scope, reason: str) -> UserError:
        """An error that names the line in which these keys are set."""
        return UserError(f"{self.path}, line {self._line(keys)}: {reason}")

    def _line(self, keys: Scope) -> int:
        """Where the statement begins after which the file holds these keys."""
        lines, begin = self.text.splitlines(), 0
        for end in range(1, len(lines) + 1):
            try:
                content: Any = tomllib.loads("\n".join(lines[:end]))
            except tomllib.TOMLDecodeError:
                continue  # within a list or text of several lines
            for key in keys:
                content = content.get(key) if isinstance(content, dict) else None
            if content is not None:
                break
            begin = end
        said = (number for number, line in enumerate(lines, 1) if line.strip(" \t")[:1] not in "#")
        return next((number for number in said if number > begin), 1)


@dataclass(frozen=True)
class Profile:
    """What the user's file and the command line say, not yet joined.

    Attributes:
        source: the file.
        layers: settings by where they apply: (), ("scale", SCALE) or ("level", AXIS, LEVEL).
        changes: over all of them.
    """

    source: Source
    layers: Mapping[Scope, Settings]
    changes: Settings

    def resources(self, scale: str, levels: Mapping[str, str]) -> Resources:
        """What a run at `scale` with these levels (by axis) asks for.

        Raises:
            UserError: values do not fit together.
        """
        scopes = [(), ("scale", scale), *(("level", *item) for item in levels.items())]
        try:
            return joined([*(self.layers.get(scope, {}) for scope in scopes), self.changes])
        except ValueError as error:
            raise self._misfit(scopes, str(error)) from None

    def _misfit(self, scopes: Sequence[Scope], reason: str) -> UserError:
        """An error that names what was said last of the two values that do not fit together."""
        for name in TIMES:
            if name in self.changes:
                return UserError(f"--resource {name}={self.changes[name]}: {reason}")
        for scope in reversed(scopes):
            for name in TIMES:
                if name in self.layers.get(scope, {}):
                    return self.source.mistake((*(scope or ("default",)), name), reason)
        return UserError(f"{self.source.path}: {reason}")


def check_scale(scale: str, home: Home) -> None:
    """Refuse a scale that neither a known study nor an earlier plan has.

    Raises:
        UserError: says which is near.
    """
    studies = [load_study(name)[1] for name in study_names()]
    earlier = {one.scale for one in plans_of(home, Refused())}
    known = earlier.union(*(one.experiment.scales for one in studies))
    if scale not in known:
        raise UserError(f"there is no scale {scale!r}: {nearest(scale, sorted(known))}")


def check_names(profile: Profile, work: Work, home: Home) -> None:
    """Refuse tables for scales, axes and levels that neither this study nor any known one has.

    Arguments:
        home: whose earlier plans are known, beside the studies of installed packages.

    Raises:
        UserError: says which, and what is near.
    """
    scopes, plan = [scope for scope in profile.layers if scope], work.expansion.plan
    if all(scope[1:] in {(plan.scale,), *_levels(plan.axes)} for scope in scopes):
        return
    studies = [load_study(name)[1] for name in (work.study, *study_names())]
    plans = [plan, *plans_of(home, Refused())]
    scales = {one.scale for one in plans}.union(*(one.experiment.scales for one in studies))
    levels = {item for one in plans for item in _levels(one.axes)}
    levels |= {(axis.name, name) for one in studies for axis in one.axes for name in axis.levels}
    for scope in scopes:
        if scope[0] == "scale":
            _expect(profile, scope, scope[1], scales, "there is no scale")
            continue
        _, axis, level = scope
        _expect(profile, scope, axis, {known for known, _ in levels}, "no study has an axis")
        of_axis = {name for known, name in levels if known == axis}
        _expect(profile, scope, level, of_axis, f"the axis {axis} has no level")


def _levels(axes: Mapping[str, Iterable[str]]) -> list[tuple[str, str]]:
    return [(axis, level) for axis, levels in axes.items() for level in levels]


def _expect(profile: Profile, scope: Scope, name: str, known: set[str], complaint: str) -> None:
    if name not in known:
        reason = f"{complaint} {name!r}: {nearest(name, sorted(known))}"
        raise profile.source.mistake(scope, f"{reason}; tables for other studies: see --profile")


def read_profile(profile: Path | None, changes: Mapping[str, str]) -> Profile:
    """The profile, with `changes` over it.

    Arguments:
        profile: the file, or None for cluster.toml here, if there is one.
        changes: NAME=VALUE of the command line; beside resources any option of sbatch, and
            srun.NAME and environment.NAME.

    Raises:
        UserError: the file is missing or damaged, or names something unknown; says in which line.
    """
    path = profile or Path(PROFILE)
    try:
        source = Source(path, path.read_text("utf-8-sig"))
    except FileNotFoundError:
        if profile:
            raise UserError(f"there is no profile {profile}") from None
        source = Source(path)
    except OSError as error:
        raise UserError(f"the profile {path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UserError(f"{path}, line {line}: this is no UTF-8 text; save it as UTF-8") from None
    content = _parse(source)
    for name in content:
        if name not in TABLES:
            raise source.mistake((name,), f"no table [{name}]: {nearest(name, TABLES)}")
    layers = {
        scope if scope != ("default",) else (): _settings(source, scope, table)
        for name, depth in TABLES.items()
        for scope, table in _tables(source, content.get(name, {}), (name,), depth)
    }
    return Profile(source, layers, dict(setting_of_command_line(*item) for item in changes.items()))


def _parse(source: Source) -> dict[str, Any]:
    try:
        return tomllib.loads(source.text)
    except RecursionError:
        raise UserError(f"{source.path} is no valid TOML: it has too many brackets") from None
    except ValueError as error:  # of TOML, or a number of thousands of digits
        lines = source.text.rstrip().splitlines()
        reason, _, place = str(error).partition(" (at ")
        found = re.match(r"line (\d+)", place)  # else: at the end of the document
        number = min(int(found[1]), len(lines)) if found else len(lines)
        line = lines[number - 1].strip()
        bare = _QUOTELESS.fullmatch(line)
        hint = f'write text in quotes: {bare[1]} = "{bare[2]}"' if bare else line
        where = f"{source.path}, line {number}"
        raise UserError(f"{where}: this is no valid TOML ({reason}): {hint}") from None


def _tables(
    source: Source, table: Any, scope: Scope, depth: int
) -> Iterator[tuple[Scope, Mapping[str, Any]]]:
    """The tables `depth` names below `scope`."""
    if not isinstance(table, dict):
        name = ".".join(scope)
        raise source.mistake(scope, f"{name} should be a table, such as [{name}]")
    if depth == 0:
        yield scope, table
        return
    for name, inner in table.items():
        yield from _tables(source, inner, (*scope, name), depth - 1)


def _settings(source: Source, scope: Scope, table: Mapping[str, Any]) -> dict[str, Any]:
    """What a table sets, the tables in it flat; of alternatives it may have but one."""
    found: dict[str, Any] = {}
    for keys, value in _entries(source, scope, table):
        try:
            name, checked = setting_of_table(scope, keys, value)
        except ValueError as error:
            raise source.mistake((*scope, *keys), str(error)) from None
        same = kind(name, checked)
        twice = next((other for other in found if kind(other, found[other]) == same), None)
        if twice:
            said = f"{name} and {twice} cannot be set together"
            raise source.mistake((*scope, *keys), said)
        found[name] = checked
    return found


def _entries(source: Source, scope: Scope, table: Mapping[str, Any]) -> Iterator[tuple[Scope, Any]]:
    """Keys within a table, and what they are set to."""
    for key, value in table.items():
        if key not in INNER:
            yield (key,), value
            continue
        if not isinstance(value, dict):
            name = ".".join((*scope, key))
            reason = f"{key} should be a table, such as [{name}] or {key} = {{...}}"
            raise source.mistake((*scope, key), reason)
        for inner, content in value.items():
            yield (key, inner), content
