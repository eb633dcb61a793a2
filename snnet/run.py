"""What a run needs around it: a place to write to, and someone to tell how far it is."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import pandas as pd


class RunLike(Protocol):
    """What a run needs of its surroundings: places to write to, and someone to tell."""

    directory: Path
    cache: Path

    @property
    def stopping(self) -> bool:
        """Whether an end was asked for, see `deferring_stop`."""
        ...

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

    def request_stop(self) -> None:
        """Stop at the end of `deferring_stop`, as another process of this run must."""


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
        """Raises RuntimeError: the first process alone writes."""
        raise RuntimeError(f"only the first process of a run writes {name}")

    def save_table(self, name: str, table: pd.DataFrame) -> None:
        """Keeps nothing."""

    def deferring_stop(self) -> AbstractContextManager[None]:
        """As the run itself."""
        return self._run.deferring_stop()

    def request_stop(self) -> None:
        """As the run itself."""
        self._run.request_stop()
