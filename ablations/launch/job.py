"""What the jobs of a launch run on their nodes."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from submitit.helpers import DelayedSubmission

from ablations.errors import EXIT_USER_ERROR, UserError
from ablations.files import read_json
from ablations.launch.process_group import BrokenGroupError, joined
from ablations.launch.worker import Request, work
from ablations.runs.attempt import Stopped
from ablations.runs.home import Home

PREFIX = "ablate: "
TROUBLE = "trouble.txt"  # in a launch: why a worker ended before the work was done
KILLED = 137  # what srun tells of a process that was killed; the batch script then queues again


@dataclass
class Worker:
    """The requests of a launch, one after the other until none is left.

    Attributes:
        launch: its directory.
        home: the home directory.
        most: how many runs it does at most, or None.
    """

    launch: str
    home: str
    most: int | None

    def __call__(self) -> None:
        """Work. On USR2 (time over, or preempted) leave a checkpoint and queue again."""
        content = read_json(Path(self.launch) / "launch.json")
        requests = [Request(**one) for one in read_json(Path(self.launch) / "requests.json")]
        try:
            with in_one_sentence(Path(self.launch)), joined() as group:
                work(self.home, content["study"], requests, content["provenance"], self.most, group)
        except BrokenGroupError as error:
            print(f"{PREFIX}{error}; the job queues again", flush=True)
            sys.exit(KILLED)
        except Stopped as stopped:
            if stopped.signal not in (signal.SIGUSR2, None):
                raise
            signal.raise_signal(signal.SIGUSR2)  # to submitit, now that nothing is half done

    def checkpoint(self) -> DelayedSubmission:
        """What submitit queues again: the same, for the run directories hold all state."""
        return DelayedSubmission(self)


def work_here(
    home: str, study: str, requests: Sequence[Request], provenance: dict[str, Any]
) -> None:
    """What a worker of the local executor runs, see `ablations.launch.worker.work`."""
    with in_one_sentence():
        work(home, study, requests, provenance)


@contextmanager
def in_one_sentence(launch: Path | None = None) -> Iterator[None]:
    """What can be mended is a line in the log, a file of the launch, and an exit code."""
    try:
        yield
    except UserError as error:
        print(f"{PREFIX}{error}", flush=True)
        if launch:
            with suppress(OSError):  # that may be why
                (launch / TROUBLE).write_text(str(error))
        sys.exit(EXIT_USER_ERROR)


def last_words(log: str) -> str | None:
    """Why a worker with this log ended early, if it said so."""
    said = [line for line in log.splitlines() if line.startswith(PREFIX)]
    return said[-1].removeprefix(PREFIX) if said else None


def track(home: str, uri: str) -> None:
    """What the last job does: bring the tracking store up to date."""
    from ablations.tracking.collector import Collector

    # made by the launch; a path that only its host knows is no reason to make another here
    Collector(Home(Path(home)), uri, create=False).sync()
