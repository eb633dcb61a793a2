"""What an experiment sees of its run: a place to write to and a way to tell how far it is."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from ablations.files import writing

if TYPE_CHECKING:
    import pandas as pd


def check_metrics(metrics: dict[str, float]) -> None:
    """Refuse what the tracking store would refuse later.

    Raises:
        ValueError: a name has other characters than it allows, or a value is no number.
    """
    for name, value in metrics.items():
        if not re.fullmatch(r"[\w\-. /:]+", name):
            raise ValueError(f"metric {name!r}: use letters, digits, _ - . / : and spaces")
        if not isinstance(value, int | float):
            raise ValueError(f"metric {name}: {value!r} is not a number")


class Run:
    """One attempt at a run.

    Attributes:
        directory: kept for this run, whatever attempt: a checkpoint left there is found again.
        cache: shared by all runs.
    """

    def __init__(self, directory: Path, cache: Path, attempt: int) -> None:
        self.directory = directory
        self.cache = cache
        self.tables: list[str] = []
        self.stopping = False  # whether an end was asked for, see `deferring_stop`
        self._progress = directory / f"progress-{attempt}.jsonl"

    def say(self, phase: str) -> None:
        """Tell what is going on now, for whoever watches."""
        self._append({"phase": phase})

    def log(self, step: int, of: int, metrics: dict[str, float]) -> None:
        """Step `step` of `of` (both in the experiment's own unit) is done, with these metrics."""
        check_metrics(metrics)
        self._append({"step": step, "of": of, "metrics": metrics})

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """A temporary path that becomes the file `name` of the run directory on success."""
        with writing(self.directory / name) as path:
            yield path

    @contextmanager
    def deferring_stop(self) -> Iterator[None]:
        """Inside, SIGTERM and SIGINT only set `stopping`; the end of the block then raises.

        For what can leave a checkpoint. A second signal ends it at once.

        Raises:
            KeyboardInterrupt: a signal came.
        """

        def stop(number: int, frame: FrameType | None) -> None:
            if self.stopping:
                raise KeyboardInterrupt
            self.stopping = True

        before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if self.stopping:
            raise KeyboardInterrupt

    def save_table(self, name: str, table: pd.DataFrame) -> None:
        """Keep a table with the result. Its numeric columns become curves over the index.

        Raises:
            ValueError: the index is not of whole numbers.
        """
        if table.index.dtype.kind not in "iu":
            raise ValueError(f"table {name}: the index must be whole numbers")
        with self.writing(f"{name}.parquet") as path:
            table.to_parquet(path)
        self.tables.append(name)

    def _append(self, entry: dict[str, Any]) -> None:
        with open(self._progress, "a") as file:
            file.write(json.dumps({"time": time.time(), **entry}) + "\n")
