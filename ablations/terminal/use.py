"""How much of CPUs and GPUs runs use, where this machine can tell: of its own processes."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

import psutil

from ablations.machine import nvidia_smi
from ablations.runs.lease import Owner

SECONDS = 0.2  # over which use is measured
# of nvidia-smi: which processes work on which GPU, and how busy each GPU is
PROCESSES = ("--query-compute-apps=pid,gpu_uuid", "--format=csv,noheader")
GPUS = ("--query-gpu=uuid,utilization.gpu", "--format=csv,noheader,nounits")


@dataclass(frozen=True)
class Use:
    """What a run uses.

    Attributes:
        cpus: how many it keeps busy.
        gpus: how busy each GPU is that it works on, in percent; others may work there, too.
    """

    cpus: float
    gpus: tuple[int, ...] = ()

    def __str__(self) -> str:
        shown = [f"{self.cpus:.1f} CPUs", *(f"GPU {percent} %" for percent in self.gpus)]
        return ", ".join(shown)


def measure_use(owners: Iterable[Owner]) -> dict[Owner, Use]:
    """What the workers that live on this machine use, with all their processes."""
    trees = {owner: _processes(owner.pid) for owner in owners if owner.is_alive()}
    if not trees:
        return {}
    for process in (one for tree in trees.values() for one in tree):
        _percent(process)  # the first look only begins the measurement
    time.sleep(SECONDS)
    works_on, busy = _pairs(PROCESSES), dict(_pairs(GPUS))
    found = {}
    for owner, tree in trees.items():
        numbers = {str(process.pid) for process in tree}
        uuids = sorted({uuid for number, uuid in works_on if number in numbers})
        gpus = [busy[uuid] for uuid in uuids if busy.get(uuid, "").isdigit()]
        found[owner] = Use(sum(map(_percent, tree)) / 100, tuple(map(int, gpus)))
    return found


def _processes(pid: int) -> list[psutil.Process]:
    with suppress(psutil.Error):
        worker = psutil.Process(pid)
        return [worker, *worker.children(recursive=True)]
    return []


def _percent(process: psutil.Process) -> float:
    with suppress(psutil.Error):  # it has just ended
        return float(process.cpu_percent())
    return 0.0


def _pairs(query: tuple[str, ...]) -> list[tuple[str, str]]:
    """Pairs that nvidia-smi tells; none where there is none."""
    return [(row[0], row[1]) for row in nvidia_smi(*query) if len(row) == 2]
