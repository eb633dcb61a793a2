"""Processes that share each run, such as one for each GPU of a node.

The first takes runs and records how they end; it tells the others which run is next, and all of
them call the experiment's function together. How they then divide the work is the function's own
affair (`snnet.distributed` joins them through torch). They talk through a socket on their node.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path

FORM_SECONDS = 600.0  # until all processes of a job are there
# when one of them fails, the others fail too, or wait for ever for what it would have sent
PATIENCE_SECONDS = 60.0
SETTLE_SECONDS = 5.0  # a signal to all reaches some of them earlier

Assignment = tuple[str, int]  # run key and attempt


class BrokenGroupError(RuntimeError):
    """Some member is gone or hangs; the others cannot go on without it."""


class ProcessGroup:
    """This process among those that share runs; alone, unless it says otherwise.

    Attributes:
        rank: its number; the first has 0.
        size: how many they are.
        gpus: that they have together, where a scheduler told; else None.
    """

    def __init__(
        self,
        rank: int = 0,
        members: tuple[Connection, ...] = (),
        size: int = 1,
        gpus: int | None = None,
    ) -> None:
        self.rank, self.size, self.gpus = rank, size, gpus
        self._members = members  # of the first: all others; of another: the first

    @property
    def first(self) -> bool:
        """Whether it is the one that takes and records."""
        return self.rank == 0

    def gather(self, patience: float | None = None) -> None:
        """Wait, as the first, until all others are ready for a run.

        Arguments:
            patience: seconds to wait at most; None: as long as one may take to fail.

        Raises:
            BrokenGroupError: one is gone, or not ready in time.
        """
        seconds = PATIENCE_SECONDS if patience is None else patience
        for member in self._members:
            with _talking():
                if not member.poll(seconds):
                    raise BrokenGroupError(f"a process of this job hangs ({seconds:.0f} s)")
                member.recv()

    def tell(self, assignment: Assignment | None) -> None:
        """Tell, as the first, what is next, or None when all is done. Call `gather` before."""
        for member in self._members:
            with _talking():
                member.send(assignment)

    def hear(self, patience: float | None = None) -> Assignment | None:
        """Say, as one of the others, that this process is ready, and wait for what is next.

        Arguments:
            patience: seconds to wait at most, or None.

        Raises:
            BrokenGroupError: the first is gone, or tells nothing in time.
        """
        (first,) = self._members
        with _talking():
            first.send("ready")
            if not first.poll(patience):
                raise BrokenGroupError(f"the first process of this job hangs ({patience:.0f} s)")
            return first.recv()

    @contextmanager
    def settling(self) -> Iterator[None]:
        """What fails inside may fail for another process that was stopped; see whether we are too.

        Raises:
            Stopped: in place of the failure, where a signal to all came a little later here.
        """
        try:
            yield
        except Exception:
            if self.size > 1:
                time.sleep(SETTLE_SECONDS)
            raise


ALONE = ProcessGroup()


@contextmanager
def _talking() -> Iterator[None]:
    try:
        yield
    except (EOFError, OSError):
        raise BrokenGroupError("a process of this job is gone") from None


@contextmanager
def joined(restart: str, gpus: int | None) -> Iterator[ProcessGroup]:
    """The processes of this job on its node, as submitit tells of them.

    Arguments:
        restart: tells this start of the job from others.
        gpus: that the job has, where its scheduler says so.

    Raises:
        BrokenGroupError: not all came.
    """
    from submitit import JobEnvironment

    environment = JobEnvironment()
    rank, size = environment.global_rank, environment.num_tasks
    if size == 1:
        yield ProcessGroup(gpus=gpus)
        return
    folder = _folder(f"{environment.raw_job_id}-{restart}")
    connections: list[Connection] = []
    try:
        if rank == 0:
            folder.mkdir(mode=0o700)
            with Listener(str(folder / "socket"), backlog=size) as listener:
                connections += [listener.accept() for _ in range(size - 1)]
        else:
            connections.append(_connect(folder / "socket"))
        yield ProcessGroup(rank, tuple(connections), size, gpus)
    finally:
        for connection in connections:
            connection.close()
        if rank == 0:
            folder.rmdir()


def _folder(start: str) -> Path:
    """A directory of this start of the job, for short paths: those of sockets are."""
    return Path(tempfile.gettempdir()) / f"ablate-{os.getuid()}-{start}"


def _connect(path: Path) -> Connection:
    deadline = time.monotonic() + FORM_SECONDS
    while time.monotonic() < deadline:
        try:
            return Client(str(path))
        except OSError:  # not there yet
            time.sleep(0.1)
    raise BrokenGroupError(f"the first process of this job did not come in {FORM_SECONDS:.0f} s")
