"""What workers of all schedulers run, and how they say that they cannot."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ablations.errors import EXIT_USER_ERROR, UserError
from ablations.launch.launches import TROUBLE
from ablations.launch.offer import Offer
from ablations.launch.requests import Request
from ablations.launch.worker import work
from ablations.runs.home import Home
from ablations.study.limits import Limits

PREFIX = "ablate: "
# tiny models gain nothing from more than one thread, runs side by side do
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
PROCESSES = "ABLATE_PROCESSES"  # how many of this node share each run


def work_here(
    home: str,
    study: str,
    requests: Sequence[Request],
    provenance: Mapping[str, str],
    limits: Limits,
    offer: Offer | None,
) -> None:
    """Do what a worker of the local executor does, see `ablations.launch.worker.work`."""
    with in_one_sentence():
        work(home, study, requests, provenance, limits, offer=offer)


@contextmanager
def in_one_sentence(launch: Path | None = None) -> Iterator[None]:
    """Turn what can be mended into a line in the log, a file of the launch, and an exit code."""
    try:
        yield
    except UserError as error:
        print(f"{PREFIX}{error}", flush=True)
        if launch:
            with suppress(OSError):  # that may be why
                (launch / TROUBLE).write_text(f"{error}\n")
        sys.exit(EXIT_USER_ERROR)


def last_words(log: str) -> str | None:
    """Why a worker with this log ended early, if it said so."""
    said = [line for line in log.splitlines() if line.startswith(PREFIX)]
    return said[-1].removeprefix(PREFIX) if said else None


def track(home: str, uri: str) -> None:
    """Bring the tracking store up to date, as the last job of a launch does."""
    from ablations.tracking.collector import Collector

    # made by the launch; a path that only its host knows is no reason to make another here
    Collector(Home(Path(home)), uri, create=False).sync()
