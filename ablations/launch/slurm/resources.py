"""What a job may use on the cluster."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, get_type_hints

from annotated_types import Ge, Le
from pydantic import AfterValidator, BeforeValidator, TypeAdapter, ValidationError

from ablations.errors import explain, quoted
from ablations.launch.job import PROCESSES, THREADS

MOST = 99_999  # of nodes, GPUs, tasks and CPUs
TIME = "1-00:00:00"  # where nobody says
READABLE = "should read like 30, 12:00:00 or 2-00:00:00"
# numbers of so many digits as a cluster may have of the thing
_TIME = re.compile(r"(?:([0-9]{1,5})-)?([0-9]{1,8})(?::([0-9]{1,8}))?(?::([0-9]{1,8}))?")
_MEMORY = re.compile(r"[0-9]{1,12}[KMGT]?B?", re.IGNORECASE)
_GPUS = re.compile(r"(?:([\w.-]*[A-Za-z][\w.-]*):)?([0-9]{1,5})")  # a100:2 or 2
_VARIABLE = re.compile(r"[A-Za-z_]\w*")
EXAMPLES = {"partition": "gpu", "account": "proj", "qos": "normal", "mem": "64G", "time": "2:00:00"}


def _one_word(text: str) -> str:
    if not re.fullmatch(r"\S+", text):
        raise ValueError("should be one word")
    return text


def _memory(text: str) -> str:
    if not _MEMORY.fullmatch(text):
        raise ValueError("should read like 64G or 4000M")
    return text


def _time(text: str) -> str:
    if not _TIME.fullmatch(text):
        raise ValueError(READABLE)
    return text


def _command(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("should be a command in one line")
    return text


def _gpus(value: Any) -> Any:
    """A count, or text with types: a100:2."""
    parts = [_GPUS.fullmatch(part) for part in str(value).split(",")]
    if isinstance(value, bool | float) or not all(parts):
        raise ValueError("should read like 2 or a100:2")
    return int(value) if str(value).isdigit() else value


def _lines(value: Any) -> Any:
    if not isinstance(value, str | list | tuple):
        raise ValueError('should be a line or a list of lines, such as ["module load cuda"]')
    lines = (value,) if isinstance(value, str) else value
    if any("\0" in line for line in lines if isinstance(line, str)):
        raise ValueError("should be lines of text, without a character of number 0")
    return lines


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("should be a number")
    return value


def _count_gpus(text: str | int) -> int:
    """The number of GPUs in 2, "a100:2" or "a100:1,v100:1"."""
    counts = (part.rpartition(":")[2] for part in str(text).split(","))
    return sum(int(count) if count.isdigit() else 1 for count in counts)


Word = Annotated[str, AfterValidator(_one_word)]
Count = Annotated[int, Ge(1), Le(MOST), BeforeValidator(_number)]


@dataclass(frozen=True)
class Resources:
    """What each worker asks for; SLURM's words and formats, None leaves it to the cluster.

    Attributes:
        gpus: of each node, as a number or by type ("a100:2"). Each has a process of its own, and
            together they do one run at a time.
        tasks: so many processes of each node instead.
        nodes: that share each run.
        cpus: of each process, also its number of threads; with one process of one thread, a run
            that was stopped gives the same bits.
        time: days-hours:minutes:seconds, hours:minutes:seconds or minutes; None: a day. A worker
            that reaches it leaves a checkpoint and goes on in the queue.
        signal_seconds: how long before the end of its time a worker is told to stop.
        python: the interpreter there, or a shell command that starts it, such as
            `apptainer exec image.sif python`; None: the one that runs now.
        setup: shell lines before the worker starts, such as `module load ...`.
        environment: variables of the worker.
        sbatch, srun: other options of these commands, True for one without a value; see
            `ablations.launch.slurm.options`.
    """

    partition: Word | None = None
    account: Word | None = None
    qos: Word | None = None
    nodes: Count = 1
    gpus: Annotated[int | str, BeforeValidator(_gpus)] = 0
    tasks: Count | None = None
    cpus: Count = 1
    mem: Annotated[str, AfterValidator(_memory)] | None = None
    time: Annotated[str, AfterValidator(_time)] | None = None
    signal_seconds: Annotated[int, Ge(10), BeforeValidator(_number)] = 120
    python: Annotated[str, AfterValidator(_command)] | None = None
    setup: Annotated[tuple[str, ...], BeforeValidator(_lines)] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    sbatch: Mapping[str, str | bool] = field(default_factory=dict)
    srun: Mapping[str, str | bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.minutes * 60 <= self.signal_seconds:
            raise ValueError(f"time {self.time or TIME} is not longer than signal_seconds")

    @property
    def processes(self) -> int:
        """How many of one node share each run."""
        return self.tasks or max(1, self.gpu_count)

    @property
    def gpu_count(self) -> int:
        """The GPUs of one node, whichever option asks for them."""
        if self.gpus:
            return _count_gpus(self.gpus)
        for name, nodes in (("gpus-per-node", 1), ("gpus-per-task", 1), ("gpus", self.nodes)):
            if name in self.sbatch:
                return -(-_count_gpus(str(self.sbatch[name])) // nodes)
        generic = str(self.sbatch.get("gres", "")).split(",")
        counted = (item.partition("(")[0] for item in generic if re.match(r"gpu(:|$)", item))
        return sum(_count_gpus(item.removeprefix("gpu").removeprefix(":")) for item in counted)

    @property
    def minutes(self) -> int:
        """`time` in minutes, rounded up.

        Raises:
            ValueError: it is not written as SLURM wants it.
        """
        found = _TIME.fullmatch(self.time or TIME)
        if not found:
            raise ValueError(f"time {self.time!r} {READABLE}")
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

    @property
    def interpreter(self) -> str:
        """Shell words that start Python in the job."""
        return self.python or shlex.quote(sys.executable)

    def brief(self) -> str:
        """Resources that differ from the default, in a few words."""
        names = ("partition", "account", "qos", "nodes", "gpus", "tasks", "cpus", "mem", "time")
        changed = [
            f"{item.name} {getattr(self, item.name)}"
            for item in fields(self)
            if item.name in names and getattr(self, item.name) != item.default
        ]
        changed += [
            name if value is True else f"{name} {value}"
            for name, value in self.sbatch.items()
            if value is not False
        ]
        return ", ".join(changed) or "resources by default"

    def asked(self) -> dict[str, str | bool]:
        """Options of sbatch that were asked for, which count more than those of its environment."""
        own = {
            "partition": self.partition,
            "account": self.account,
            "qos": self.qos,
            "mem": self.mem,
            "gpus-per-node": self.gpus or None,
            "time": self.time and self.minutes,
        }
        return {**{name: str(value) for name, value in own.items() if value}, **self.sbatch}

    def always(self) -> dict[str, str | bool]:
        """Options of sbatch that every job has: one worker a node, for all its processes."""
        return {
            "nodes": str(self.nodes),
            "ntasks-per-node": "1",
            "cpus-per-task": str(self.cpus * self.processes),
            "signal": f"USR2@{self.signal_seconds}",
        }

    def step(self) -> dict[str, str | bool]:
        """Options of srun; without the first, SLURM gives the worker a single CPU."""
        # what becomes of the other nodes they decide themselves: killed, they would tell SLURM so
        needed = {"cpus-per-task": str(self.cpus * self.processes), "kill-on-bad-exit": "0"}
        return {**needed, **self.srun}

    def preparation(self) -> list[str]:
        """Shell lines before the worker starts: setup, and the variables that it reads."""
        exported = {
            **dict.fromkeys(THREADS, str(self.cpus)),
            PROCESSES: str(self.processes),
            **self.environment,
        }
        exports = [f"export {name}={shlex.quote(text)}" for name, text in exported.items()]
        return [*self.setup, *exports]


RESOURCES = tuple(item.name for item in fields(Resources))
_TYPES = get_type_hints(Resources, include_extras=True)


def resource_value(name: str, value: Any) -> Any:
    """The value of a field of `Resources`, checked and typed.

    Raises:
        ValueError: it cannot be; says how it should read.
    """
    if name in EXAMPLES and not isinstance(value, str):
        if name == "time" and type(value) is int:
            return str(value)
        raise ValueError(
            f'{name} cannot be {value}: write text in quotes, such as {name} = "{EXAMPLES[name]}"'
        )
    try:
        return TypeAdapter(_TYPES[name]).validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        own = first["msg"].removeprefix("Value error, ")
        of_ours = first["type"] == "value_error"
        told = f"{name} {quoted(value)} {own}" if of_ours else explain(error, value, name)
        raise ValueError(told) from None


def variable(name: str, value: Any) -> str:
    """The value of an environment variable as text.

    Raises:
        ValueError: no variable can be called so, or its value is neither text nor number.
    """
    if not _VARIABLE.fullmatch(name):
        raise ValueError(f"no variable can be called {name!r}")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f'{name} cannot be {value}: write text in quotes, such as {name} = "1"')
    if "\0" in str(value):
        raise ValueError(f"{name} cannot hold a character of number 0")
    return str(value)
