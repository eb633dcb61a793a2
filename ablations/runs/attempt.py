"""What an experiment sees of its run: a folder to write to and a way to tell how far it is."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, SupportsFloat

from ablations.errors import UserError, quoted
from ablations.files import writing
from ablations.runs import layout
from ablations.runs.metrics import plain_metrics, plain_number

if TYPE_CHECKING:
    import pandas as pd


# by Ctrl-C, by whoever ends a process, by SLURM before the time is over or for a preemption, and by
# a worker to the processes that do its run
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2, signal.SIGUSR1)

MOST_STEPS = 2**63  # tracking stores keep 64 bits
SIGNAL_SECONDS = 5.0  # by so much later than others a process meets a signal that goes to all


class Stopped(KeyboardInterrupt):
    """Something asked for an end.

    Attributes:
        signal: its number; None where another process that shares the run met it.
    """

    def __init__(self, number: int | None) -> None:
        super().__init__(f"signal {number}")
        self.signal = number


@contextmanager
def stopping_on_signals() -> Iterator[None]:
    """Inside, the first of `STOP_SIGNALS` raises `Stopped`.

    Later ones do nothing: one and the same wish may come from several sides.
    """
    stopped = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopped
        if not stopped:
            stopped = True
            raise Stopped(number)

    with _handling(stop):
        yield


@contextmanager
def ignoring_stop() -> Iterator[None]:
    """Inside, `STOP_SIGNALS` do nothing: somebody else hears them, too, and decides."""
    with _handling(lambda number, frame: None):
        yield


class StopRequest:
    """Whether an end was asked for.

    Attributes:
        signal: the number of the first signal that came; None: none came.
    """

    signal: int | None = None


@contextmanager
def noticing_stop() -> Iterator[StopRequest]:
    """Inside, the first of `STOP_SIGNALS` is only noticed; a later one raises `Stopped`.

    But for the same again: whoever cannot know whether it was heeded repeats it.
    """
    request = StopRequest()

    def stop(number: int, frame: FrameType | None) -> None:
        if request.signal not in (None, number):
            raise Stopped(number)
        request.signal = number

    with _handling(stop):
        yield request


@contextmanager
def _handling(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


class Attempt:
    """One attempt at a run.

    Attributes:
        directory: of this attempt alone. The next one gets the files that it leaves, such as a
            checkpoint; with the result all files are committed.
        cache: shared by all runs.
    """

    def __init__(self, directory: Path, cache: Path, attempt: int) -> None:
        self.directory = directory
        self.cache = cache
        self.tables: list[str] = []
        self.stopping = False  # whether an end was asked for, see `deferring_stop`
        self._progress = directory / layout.PROGRESS.of(attempt)

    def say(self, phase: str) -> None:
        """Tell what is going on now, for whoever watches."""
        self._append({"phase": phase})

    def log(
        self, step: SupportsFloat, of: SupportsFloat, metrics: Mapping[str, SupportsFloat]
    ) -> None:
        """Step `step` of `of` (both in the experiment's own unit) is done, with these metrics.

        Raises:
            UserError: one of them is no number, see `plain_metrics`, or a step is not finite or
                beyond what tracking stores hold.
        """
        plain = plain_metrics(metrics, "run.log takes", "it got")
        steps = {"step": _step(step, "step"), "of": _step(of, "of")}
        self._append({**steps, "metrics": plain})

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """A temporary path that becomes the file `name` of the attempt on success.

        Raises:
            UserError: it is no name of a file, leads elsewhere, or is one of ours.
        """
        plain = isinstance(name, str) and Path(name).name == name and "\0" not in name
        if not plain or name in ("", ".."):
            raise UserError(f"a run writes files of its own, none called {quoted(name)}")
        if layout.is_record(name) or layout.is_series(name):
            raise UserError(f"{name} is a file of the machinery: call yours otherwise")
        with writing(self.directory / name) as path:
            yield path

    @contextmanager
    def deferring_stop(self) -> Iterator[None]:
        """Inside, `STOP_SIGNALS` only set `stopping`; the block's end then raises.

        For what can leave a checkpoint. The same signal once more ends it immediately, but for
        SIGUSR1, by which a worker repeats itself.

        Raises:
            Stopped: a signal came, here or (see `request_stop`) elsewhere.
        """
        came: list[int] = []

        def stop(number: int, frame: FrameType | None) -> None:
            if number in came and number != signal.SIGUSR1:
                raise Stopped(number)
            came.append(number)
            self.stopping = True

        with _handling(stop):
            yield
            deadline = time.monotonic() + SIGNAL_SECONDS
            while self.stopping and not came and time.monotonic() < deadline:
                time.sleep(0.1)
        if self.stopping:
            raise Stopped(came[0] if came else None)

    def request_stop(self) -> None:
        """Stop as if a signal had come: one came to another process that shares this run."""
        self.stopping = True

    def save_table(self, name: str, table: pd.DataFrame) -> None:
        """Keep a table with the result. Its numeric columns become curves over the index.

        Raises:
            ValueError: the index is not of whole numbers.
            UserError: its name is no text, or none of a file.
        """
        if not isinstance(name, str):
            raise UserError(f"run.save_table takes a name that is text; it got {quoted(name)}")
        if table.index.dtype.kind not in "iu":
            raise ValueError(f"table {name}: the index must be whole numbers")
        with self.writing(layout.table(name)) as path:
            table.to_parquet(path)
        self.tables.append(name)

    def _append(self, entry: dict[str, Any]) -> None:
        with open(self._progress, "a") as file:
            file.write(json.dumps({"time": time.time(), **entry}) + "\n")


def _step(value: SupportsFloat, name: str) -> int | float:
    """A number of steps, plain.

    Raises:
        UserError: it is none that tracking stores hold.
    """
    number = plain_number(value)
    if number is None:
        raise UserError(f"run.log takes numbers; it got {quoted(value)} as {name}")
    if not -MOST_STEPS <= number < MOST_STEPS:  # nor is NaN
        raise UserError(
            f"run.log takes finite numbers of at most 64 bits as step and of; it got "
            f"{quoted(value)} as {name}"
        )
    return number
