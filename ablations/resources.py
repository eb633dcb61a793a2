"""What a job may use on the cluster, and how the site wants it: a small file of the user's.

[default]                 # cluster.toml
partition = "gpu"
time = "12:00:00"
setup = ["module load cuda"]

[scale.imagenet]          # lies over the default at that scale
gpus = 1
mem = "64G"
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge
from pydantic import TypeAdapter, ValidationError

from ablations.errors import UserError, explain, nearest

PROFILE = "cluster.toml"
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_TIME = re.compile(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?")


@dataclass(frozen=True)
class Resources:
    """What each worker asks for; SLURM's words and formats, None leaves it to the cluster.

    Attributes:
        time: days-hours:minutes:seconds, hours:minutes:seconds or minutes. A worker that reaches
            it leaves a checkpoint and goes on in the queue.
        signal_seconds: how long before the end of its time a worker is told to stop.
        setup: shell lines before the worker starts, such as `module load ...`.
        cpus: also the number of threads; with one, a run that was stopped gives the same bits.
        environment: variables of the worker.
    """

    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    gpus: Annotated[int, Ge(0)] = 0
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
            "cpus_per_task": self.cpus,
            "time": self.minutes,
            "signal_delay_s": self.signal_seconds,
            **{name: value for name, value in asked.items() if value is not None},
        }


def read_resources(profile: Path | None, scale: str, changes: Mapping[str, str]) -> Resources:
    """The profile's `[default]`, over it `[scale.SCALE]`, over that `changes`.

    Arguments:
        profile: the file, or None for cluster.toml here, if there is one.

    Raises:
        UserError: the file is missing or damaged, or a name or value is none.
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
        if name not in ("default", "scale"):
            raise UserError(f"{path}: no table [{name}]: {nearest(name, ['default', 'scale'])}")
    default, scales = content.get("default", {}), content.get("scale", {})
    over = scales.get(scale, {}) if isinstance(scales, dict) else None
    for name, table in (("default", default), (f"scale.{scale}", over)):
        if not isinstance(table, dict):
            raise UserError(f"{path}: {name} should be a table, such as [{name}]")
    settings = {**default, **(over or {}), **changes}
    known = [item.name for item in fields(Resources)]
    for name in settings:
        if name not in known:
            raise UserError(f"{path}: no resource {name!r}: {nearest(name, known)}")
    try:
        return TypeAdapter(Resources).validate_python(settings)
    except ValidationError as error:
        raise UserError(f"{path}: {explain(error)}") from None
