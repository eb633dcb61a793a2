"""Who works on a run. A lease is taken in one atomic step and dies with its owner."""

from __future__ import annotations

import os
import platform
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated, Literal

import psutil
from annotated_types import Ge, Lt

from ablations.files import DamagedError, read_json, write_json
from ablations.runs import layout

HEARTBEAT_SECONDS = 2.0
DOUBT_SECONDS = 10.0  # without one for so long, an owner on another host is worth watching
# on another host: without a heartbeat for so long, the owner is dead; one value for all of a home
STALE_SECONDS = float(os.environ.get("ABLATE_STALE_SECONDS", "120"))


@dataclass(frozen=True)
class Owner:
    """A process, told apart from a later one with the same number by its birth.

    Attributes:
        space: in which its number counts, see `_space`; empty in leases of earlier versions.
    """

    host: str
    pid: Annotated[int, Ge(0), Lt(2**31)]
    birth: str
    space: str = ""

    @classmethod
    def current(cls) -> Owner:
        """This process."""
        return cls(platform.node(), os.getpid(), _birth("self"), _space())

    def is_alive(self) -> bool | None:
        """None where this process cannot tell: on another host, or in another container."""
        if self.host != platform.node() or (self.space and self.space != _space()):
            return None
        if _proc_is_of_others():
            return None
        try:
            zombie = psutil.Process(self.pid).status() == psutil.STATUS_ZOMBIE
            return not zombie and _birth(self.pid) == self.birth
        except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            return False


@cache
def _boot() -> str | None:
    """What tells this start of the machine from others; None where it is not Linux."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except FileNotFoundError:
        return None


def _space() -> str:
    """Start of the machine, and namespace: containers of one host name number processes alike."""
    boot = _boot()
    return f"{boot}/{os.readlink('/proc/self/ns/pid')}" if boot else ""


def _proc_is_of_others() -> bool:
    """Whether /proc numbers processes otherwise: in a new namespace that still has the old one."""
    return bool(_boot()) and os.readlink("/proc/self") != str(os.getpid())


def _birth(pid: int | Literal["self"]) -> str:
    """When the process started, in a form that setting the clock does not change."""
    boot = _boot()
    if boot is None:
        own = psutil.Process(os.getpid() if pid == "self" else pid)
        return f"{own.create_time():.0f}"
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return f"{boot}/{fields[19]}"  # ticks from boot to start, field 22 of proc(5)


@dataclass(frozen=True)
class Lease:
    """The `attempt`-th lease on the run in `directory`. Only the latest one counts."""

    directory: Path
    attempt: int
    owner: Owner

    @property
    def file(self) -> Path:
        """The lease itself."""
        return self.directory / layout.LEASE.of(self.attempt)

    @property
    def heartbeat_file(self) -> Path:
        """Touched every few seconds while the owner works."""
        return self.directory / layout.HEARTBEAT.of(self.attempt)

    @property
    def files(self) -> Path:
        """The attempt's folder, as long as it may write there."""
        return self.directory / layout.FILES.of(self.attempt)

    @property
    def is_superseded(self) -> bool:
        """Whether somebody took the run from this attempt, or committed a result."""
        if self.files.is_dir():
            return False
        others = (layout.ENDED.of(self.attempt), layout.LEASE.of(self.attempt + 1))
        return any((self.directory / name).exists() for name in (*others, layout.COMMITTED))

    @property
    def last_sign(self) -> float:
        """Time of the owner's last sign of life: seconds since 1970 by the file system's clock."""
        return _modified(self.heartbeat_file) or _modified(self.file)

    @property
    def cancelled_file(self) -> Path:
        """Asks the owner to stop this run, and no launch of now to try it anew."""
        return self.directory / layout.CANCELLED.of(self.attempt)

    @contextmanager
    def heartbeat(self) -> Iterator[None]:
        """Show from a thread, as long as the block runs, that the owner is alive."""
        stop = threading.Event()

        def beat() -> None:
            while not stop.wait(HEARTBEAT_SECONDS):
                with suppress(OSError):  # the file system may come back
                    os.utime(self.heartbeat_file)

        self.heartbeat_file.touch()
        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            with suppress(OSError):
                os.utime(self.heartbeat_file)  # so that it tells when the attempt ended


def take_lease(directory: Path, attempt: int) -> Lease | None:
    """Take a run as its `attempt`-th, or None where somebody else was quicker."""
    owner = Owner.current()
    try:
        write_json(directory / layout.LEASE.of(attempt), asdict(owner), exclusive=True)
    except FileExistsError:
        return None
    return Lease(directory, attempt, owner)


def latest_lease(directory: Path) -> Lease | None:
    """The lease that counts, or None where nobody ever took the run.

    Raises:
        DamagedError: it does not tell whose it is.
    """
    names = os.listdir(directory) if directory.is_dir() else []
    attempt = max(filter(None, map(layout.LEASE.attempt, names)), default=None)
    if attempt is None:
        return None
    path = directory / layout.LEASE.of(attempt)
    owner = read_json(path, Owner)
    if owner is None:
        raise DamagedError(path, "it is a link to nowhere")
    return Lease(directory, attempt, owner)


class Observer:
    """Judges whether owners live, without comparing the clocks of two hosts.

    Where the process itself cannot be seen, its heartbeat is judged: by whether it changes while we
    watch and, for those that may write, by its age on the file system's own clock. A process that
    is there and gives no sign while we watch, such as one that was stopped, counts as dead, too: it
    cannot do harm when it wakes (see `RunDirectory.fence`).
    """

    def __init__(self, writable: Path | None = None) -> None:
        """`writable`: a directory on the file system of the runs, or None to write nothing."""
        self._writable = writable
        self._seen: dict[Path, tuple[float, float]] = {}
        self._clock = (0.0, 0.0)  # the file system's, and ours at that moment

    def is_dead(self, lease: Lease) -> bool:
        """True only when sure: unknown is not dead."""
        alive = lease.owner.is_alive()
        if alive is False:
            return True
        # a whole machine that slept has old signs of processes that go on now
        silence = self._watched(lease) if alive else self.silence(lease)
        return silence > STALE_SECONDS

    def doubts(self, lease: Lease, closely: bool) -> bool:
        """Whether the owner may be dead or die soon; looked at `closely`, is it silent?"""
        elsewhere = lease.owner.is_alive() is None
        return (elsewhere and not closely) or self.silence(lease) > DOUBT_SECONDS

    def silence(self, lease: Lease) -> float:
        """Seconds, at least, for which the owner has given no sign of life."""
        watched = self._watched(lease)
        return max(watched, self._now() - lease.last_sign if self._writable else 0.0)

    def _watched(self, lease: Lease) -> float:
        """Seconds since the last sign that came while we watch, by our own clock."""
        beat, now = lease.last_sign, time.monotonic()
        last_beat, since = self._seen.get(lease.heartbeat_file, (None, now))
        if beat != last_beat:
            since = now
        self._seen[lease.heartbeat_file] = (beat, since)
        return now - since

    def _now(self) -> float:
        """The time by the file system's clock, read off a new file at most once a second."""
        assert self._writable
        told, ours = self._clock
        if time.monotonic() - ours > 1:
            with TemporaryFile(dir=self._writable) as file:
                told, ours = os.fstat(file.fileno()).st_mtime, time.monotonic()
            self._clock = told, ours
        return told + time.monotonic() - ours


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
