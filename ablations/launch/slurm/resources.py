"""What a job may use on the cluster, and how the site wants it: a small file of the user's.

[default]                 # cluster.toml
partition = "gpu"
time = "12:00:00"
setup = ["module load cuda"]

[scale.imagenet]          # lies over the default at that scale
gpus = 1
mem = "64G"

[level.sampling.sandwich] # lies over both, for runs with that level of that axis
gpus = 4
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge
from pydantic import TypeAdapter, ValidationError

from ablations.errors import UserError, explain, nearest
from ablations.launch.job import THREADS

PROFILE = "cluster.toml"
TABLES = {"default": 0, "scale": 1, "level": 2}  # and how many names follow
_TIME = re.compile(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?")


@dataclass(frozen=True)
class Resources:
    """What each worker asks for; SLURM's words and formats, None leaves it to the cluster.

    Attributes:
        gpus: of one node. Each has a process of its own, and together they do one run at a time.
        tasks: so many processes instead; they share each run, see
            `ablations.launch.process_group`.
        cpus: of each process, also its number of threads; with one process of one thread, a run
            that was stopped gives the same bits.
        time: days-hours:minutes:seconds, hours:minutes:seconds or minutes. A worker that reaches
            it leaves a checkpoint and goes on in the queue.
        signal_seconds: how long before the end of its time a worker is told to stop.
        setup: shell lines before the worker starts, such as `module load ...`.
        environment: variables of the worker.
    """

    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    gpus: Annotated[int, Ge(0)] = 0
    tasks: Annotated[int, Ge(1)] | None = None
    cpus: Annotated[int, Ge(1)] = 1
    mem: str | None = None
    time: str = "1-00:00:00"
    signal_seconds: Annotated[int, Ge(10)] = 120
    setup: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.minutes * 60 <= self.signal_seconds:
            raise ValueError(f"time {self.time} is not longer than signal_seconds")

    @property
    def processes(self) -> int:
        """How many share each run."""
        return self.tasks or max(1, self.gpus)

    @property
    def minutes(self) -> int:
        """`time` in minutes, rounded up.

        Raises:
            ValueError: it is not written as SLURM wants it.
        """
        found = _TIME.fullmatch(self.time)
        if not found:
            raise ValueError(f"time {self.time!r} should read like 30, 12:00:00 or 2-00:00:00")
        days, *rest = found.groups()
        first, second, third = (int(number or 0) for number in rest)
        if days is not None:  # 2-12 is two days and twelve hours
            seconds = ((int(days) * 24 + first) * 60 + second) * 60 + third
        elif rest[1] is None:
            seconds = first * 60
        elif rest[2] is None:  # 90:30 is minutes and seconds
            seconds = first * 60 + second
        else:
            seconds = (first * 60 + second) * 60 + third
        return -(-seconds // 60)

    def brief(self) -> str:
        """Resources that differ from the default, in a few words."""
        names = ("partition", "account", "qos", "gpus", "tasks", "cpus", "mem", "time")
        changed = {name: getattr(self, name) for name in names}
        return (
            ", ".join(
                f"{item.name} {changed[item.name]}"
                for item in fields(self)
                if item.name in changed and changed[item.name] != item.default
            )
            or "resources by default"
        )

    def parameters(self) -> dict[str, Any]:
        """What submitit's SLURM executor calls them."""
        threads = dict.fromkeys(THREADS, str(self.cpus))
        exports = [
            f"export {name}={shlex.quote(text)}"
            for name, text in {**threads, **self.environment}.items()
        ]
        asked = {
            "partition": self.partition,
            "account": self.account,
            "qos": self.qos,
            "mem": self.mem,
            "gpus_per_node": self.gpus or None,
            "setup": [*self.setup, *exports],
        }
        return {
            "ntasks_per_node": self.processes,
            "srun_args": ["--kill-on-bad-exit=1"],  # none can go on without the others
            "cpus_per_task": self.cpus,
            "time": self.minutes,
            "signal_delay_s": self.signal_seconds,
            **{name: value for name, value in asked.items() if value is not None},
        }


@dataclass(frozen=True)
class Profile:
    """What the user's file and the command line say, not yet joined.

    Attributes:
        path: the file, for messages.
        layers: tables by where they apply: (), ("scale", SCALE) or ("level", AXIS, LEVEL).
        changes: over all of them.
    """

    path: Path
    layers: Mapping[tuple[str, ...], Mapping[str, Any]]
    changes: Mapping[str, str]

    def resources(self, scale: str, levels: Mapping[str, str]) -> Resources:
        """What a run at `scale` with these levels (by axis) asks for.

        Raises:
            UserError: a value is none, or they do not fit together.
        """
        scopes = [(), ("scale", scale), *(("level", *item) for item in levels.items())]
        settings: dict[str, Any] = {}
        for scope in scopes:
            settings.update(self.layers.get(scope, {}))
        settings.update(self.changes)
        try:
            return TypeAdapter(Resources).validate_python(settings)
        except ValidationError as error:
            raise UserError(f"{self.path}: {explain(error)}") from None


def read_profile(profile: Path | None, changes: Mapping[str, str]) -> Profile:
    """The profile, with `changes` over it.

    Arguments:
        profile: the file, or None for cluster.toml here, if there is one.

    Raises:
        UserError: the file is missing or damaged, or names something unknown.
    """
    path = profile or Path(PROFILE)
    try:
        content = tomllib.loads(path.read_text())
    except FileNotFoundError:
        if profile:
            raise UserError(f"there is no profile {profile}") from None
        content = {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no valid TOML: {error}") from None
    for name in content:
        if name not in TABLES:
            raise UserError(f"{path}: no table [{name}]: {nearest(name, TABLES)}")
    layers = {
        scope: table
        for name, depth in TABLES.items()
        for scope, table in _tables(path, content.get(name, {}), (name,), depth)
    }
    layers[()] = layers.pop(("default",))
    known = [item.name for item in fields(Resources)]
    for table in (*layers.values(), changes):
        for name in table:
            if name not in known:
                raise UserError(f"{path}: no resource {name!r}: {nearest(name, known)}")
    return Profile(path, layers, changes)


def _tables(
    path: Path, table: Any, scope: tuple[str, ...], depth: int
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """The tables `depth` names below `scope`."""
    if not isinstance(table, dict):
        name = ".".join(scope)
        raise UserError(f"{path}: {name} should be a table, such as [{name}]")
    if depth == 0:
        yield scope, table
        return
    for name, inner in table.items():
        yield from _tables(path, inner, (*scope, name), depth - 1)
