"""What a run needs around it: a place to write to, and someone to tell how far it is."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import Protocol

import pandas as pd


class RunLike(Protocol):
    """What a run needs of its surroundings: places to write to, and someone to tell."""

    directory: Path
    cache: Path
    stopping: bool  # whether an end was asked for, see `deferring_stop`

    def say(self, phase: str) -> None:
        """Tell what is going on."""

    def log(self, step: int, of: int, metrics: dict[str, float]) -> None:
        """Epoch `step` of `of` is done."""

    def writing(self, name: str) -> AbstractContextManager[Path]:
        """A temporary path that becomes the file `name` on success."""
        ...

    def save_table(self, name: str, table: pd.DataFrame) -> None:
        """Keep a table with the result."""

    def deferring_stop(self) -> AbstractContextManager[None]:
        """Inside, a request to stop only sets `stopping`; it takes effect at the end."""
        ...


class Follower:
    """Around a process that shares a run without writing: it only reads what the first wrote."""

    def __init__(self, run: RunLike) -> None:
        self.directory, self.cache, self._run = run.directory, run.cache, run

    @property
    def stopping(self) -> bool:
        """Whether an end was asked for."""
        return self._run.stopping

    def say(self, phase: str) -> None:
        """Tells nothing."""

    def log(self, step: int, of: int, metrics: dict[str, float]) -> None:
        """Tells nothing."""

    def writing(self, name: str) -> AbstractContextManager[Path]:
        """A path that swallows what is written."""
        return nullcontext(Path(os.devnull))

    def save_table(self, name: str, table: pd.DataFrame) -> None:
        """Keeps nothing."""

    def deferring_stop(self) -> AbstractContextManager[None]:
        """As the run itself."""
        return self._run.deferring_stop()


class Standalone:
    """Around a run without the machinery of studies: a directory and the terminal."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.cache = directory, directory / "cache"
        self.stopping = False
        directory.mkdir(parents=True, exist_ok=True)

    def say(self, phase: str) -> None:
        """Print it."""
        print(phase, flush=True)

    def log(self, step: int, of: int, metrics: dict[str, float]) -> None:
        """Print the epoch's metrics in a line."""
        print(f"epoch {step}/{of}:", *(f"{k} {v:.5g}" for k, v in metrics.items()), flush=True)

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """A temporary path that becomes the file `name` on success."""
        temporary = self.directory / f".{name}.{os.getpid()}.tmp"
        try:
            yield temporary
            os.replace(temporary, self.directory / name)
        finally:
            temporary.unlink(missing_ok=True)

    def save_table(self, name: str, table: pd.DataFrame) -> None:
        """Write it as parquet."""
        with self.writing(f"{name}.parquet") as path:
            table.to_parquet(path)

    @contextmanager
    def deferring_stop(self) -> Iterator[None]:
        """Inside, SIGTERM and SIGINT only set `stopping`; the end of the block then raises.

        Raises:
            KeyboardInterrupt: a signal came.
        """

        def stop(number: int, frame: FrameType | None) -> None:
            self.stopping = True

        before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if self.stopping:
            raise KeyboardInterrupt
