"""This machine, as far as this process may use it: how many CPUs, which GPUs.

The one module of the machinery that `snnet` uses, too. It imports nothing of the project.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

SMI_SECONDS = 10.0  # nvidia-smi may wait for a driver that does not answer
VISIBLE_GPUS = "CUDA_VISIBLE_DEVICES"
# of control groups' CPU time: the files of version 2 and version 1
QUOTA, QUOTA_1, PERIOD_1 = "cpu.max", "cpu.cfs_quota_us", "cpu.cfs_period_us"
# a line of `nvidia-smi -L`; the parts of a divided GPU (MIG) stand below it
_GPU = re.compile(r"GPU (?P<number>\d+): (?P<name>.*?)(?: \(UUID: (?P<uuid>\S+)\))?\s*")
_PART = re.compile(r"\s+MIG .*\(UUID: (?P<uuid>\S+)\)\s*")


def count_cpus() -> int:
    """CPUs that this process may keep busy: its affinity, within its control groups' quotas."""
    allowed = _affinity()
    return max(1, int(min([allowed, *_quotas(Path("/proc/self"))])))


def _affinity() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        return os.cpu_count() or 1


def _quotas(process: Path) -> Iterator[float]:
    """CPUs that each control group allows in which the process is, from its own one upwards.

    Arguments:
        process: its directory in /proc.
    """
    try:
        groups = [line.split(":", 2) for line in (process / "cgroup").read_text().splitlines()]
        mounts = (process / "mountinfo").read_text().splitlines()
    except OSError:  # not Linux
        return
    for _, controllers, group in groups:
        if controllers == "" or "cpu" in controllers.split(","):
            for folder in _folders(mounts, controllers, group):
                quota = _quota(folder)
                if quota is not None:
                    yield quota


def _folders(mounts: list[str], controllers: str, group: str) -> Iterator[Path]:
    """The directories of a control group and of those around it, as far as they are seen here."""
    kind = "cgroup" if controllers else "cgroup2"
    for mount in mounts:
        before, _, after = mount.partition(" - ")
        root, place = before.split()[3:5]
        if after.split()[0] != kind or (controllers and "cpu" not in after.split()[2].split(",")):
            continue
        within = os.path.relpath(group, root)
        folder = Path(place) if within.startswith("..") else Path(place, within)
        yield folder
        while folder != Path(place):
            folder = folder.parent
            yield folder


def _quota(folder: Path) -> float | None:
    """CPUs that a control group allows; None where it sets no limit."""
    try:
        if (folder / QUOTA).exists():
            quota, period = (folder / QUOTA).read_text().split()
        else:
            quota, period = ((folder / name).read_text().strip() for name in (QUOTA_1, PERIOD_1))
    except (OSError, ValueError):
        return None
    return None if quota in ("max", "-1") else int(quota) / int(period)


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, each as CUDA_VISIBLE_DEVICES names it; maybe none.

    CUDA_VISIBLE_DEVICES is believed where it is set; else nvidia-smi tells, in which a divided
    GPU (MIG) counts with each of its parts.
    """
    given = os.environ.get(VISIBLE_GPUS)
    if given is None:
        return [gpu.uuid or gpu.number for gpu in _listed()]
    names = []
    for name in given.split(","):
        if not re.fullmatch(r"\d+|(GPU|MIG)-.+", name.strip()):
            break  # as CUDA does: it sees none from the first wrong name on
        names.append(name.strip())
    return names


def gpu_names() -> list[str]:
    """Makers' names of the GPUs that this process may use, each once, where nvidia-smi tells."""
    visible = visible_gpus()
    found = [one.name for one in _listed() if one.is_among(visible)]
    return list(dict.fromkeys(found))


def nvidia_smi(*query: str) -> list[list[str]]:
    """The rows that nvidia-smi tells, as `--format=csv,noheader` has them; none without it."""
    command = ["nvidia-smi", *query]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=SMI_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return []
    return [] if told.returncode else [line.split(", ") for line in told.stdout.splitlines()]


def is_named(visible: str, number: str, uuid: str) -> bool:
    """Whether a name of CUDA_VISIBLE_DEVICES means a GPU; UUIDs may be shortened."""
    return visible == number or uuid.startswith(visible)


@dataclass(frozen=True)
class _Gpu:
    """A GPU, or a part of one (MIG), as nvidia-smi lists it.

    Attributes:
        number: of the whole GPU.
        uuid: empty where it tells none.
    """

    number: str
    name: str
    uuid: str

    def is_among(self, visible: list[str]) -> bool:
        """Whether one of these names of CUDA_VISIBLE_DEVICES means it."""
        return any(is_named(name, self.number, self.uuid) for name in visible)


@cache
def _listed() -> list[_Gpu]:
    """The GPUs of this machine; a divided one is told by its parts."""
    try:
        command = ["nvidia-smi", "-L"]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return []
    found: list[_Gpu] = []
    whole: _Gpu | None = None
    for line in text.splitlines():
        if gpu := _GPU.fullmatch(line):
            whole = _Gpu(gpu["number"], gpu["name"], gpu["uuid"] or "")
            found.append(whole)
        elif (part := _PART.fullmatch(line)) and whole:
            if found[-1] is whole:
                found.pop()
            found.append(replace(whole, uuid=part["uuid"]))
    return found
