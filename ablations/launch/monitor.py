"""How busy a machine is while it does a run, by MLflow's names for that."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path

import psutil

from ablations.errors import UserError
from ablations.machine import is_named, nvidia_smi, visible_gpus
from ablations.runs import layout

# MLflow's own variables, and its default
WANTED = "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING"
INTERVAL = "MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL"
SECONDS = 10.0
BYTES, MIB = 1e6, 1.048576  # in a megabyte; megabytes in one of nvidia-smi's
GPUS = (
    "--query-gpu=index,uuid,utilization.gpu,memory.used,memory.total",
    "--format=csv,noheader,nounits",
)


def is_wanted() -> bool:
    """Whether the environment asks for it."""
    return os.environ.get(WANTED, "").lower() in ("true", "1")


def interval() -> float:
    """Seconds between two samples.

    Raises:
        UserError: the environment says something else than a number above 0.
    """
    text = os.environ.get(INTERVAL) or str(SECONDS)
    with suppress(ValueError):
        if 0 < (seconds := float(text)) < float("inf"):
            return seconds
    raise UserError(f"{INTERVAL} is a number of seconds above 0, not {text!r}")


class Monitor:
    """Keeps a sample with an attempt whenever an interval is over.

    It writes where the attempt does, so what has lost its run adds nothing to it.
    """

    def __init__(self, folder: Path, attempt: int) -> None:
        self._file = folder / layout.SYSTEM.of(attempt)
        self._interval = interval()
        self._due = time.monotonic() + self._interval
        psutil.cpu_percent()  # the first look only begins the measurement

    def look(self) -> None:
        """Keep a sample, if it is time; a disk that takes none is no reason to end a run."""
        if time.monotonic() < self._due:
            return
        line = json.dumps({"time": time.time(), "metrics": sample()})
        self._due = time.monotonic() + self._interval
        with suppress(OSError), open(self._file, "a") as file:
            file.write(line + "\n")


def sample() -> dict[str, float]:
    """CPUs and memory of the whole machine, and the GPUs that this process may use.

    CPUs since the sample before; GPUs are numbered as the process sees them.
    """
    memory = psutil.virtual_memory()
    found = {
        "cpu_utilization_percentage": psutil.cpu_percent(),
        "system_memory_usage_megabytes": memory.used / BYTES,
        "system_memory_usage_percentage": 100 * memory.used / memory.total,
    }
    visible = visible_gpus()
    rows = nvidia_smi(*GPUS) if visible else []
    for index, uuid, *told in filter(None, rows):
        for number, name in enumerate(visible):
            if is_named(name, index, uuid):
                found |= _of_gpu(number, told)
    return {name: round(value, 1) for name, value in found.items()}


def _of_gpu(number: int, told: list[str]) -> dict[str, float]:
    """What nvidia-smi tells of a GPU; nothing where it does not know, as of parts (MIG)."""
    try:
        utilization, used, total = map(float, told)
    except ValueError:
        return {}
    return {
        f"gpu_{number}_utilization_percentage": utilization,
        f"gpu_{number}_memory_usage_megabytes": MIB * used,
        f"gpu_{number}_memory_usage_percentage": 100 * used / total,
    }
