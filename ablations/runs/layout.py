"""Names of the files in a run directory; what each means: docs/architecture.md."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

CONFIG = "config.json"
RESULT = "result.json"  # with it a folder is the result
COMMITTED = "result"  # what the folder of the attempt that brought the result is called then
CODE_DIFF = "code.diff"
PACKAGES = "packages.txt"
DAMAGED = ".damaged"  # suffix of what `ablate repair` set aside


@dataclass(frozen=True)
class Numbered:
    """A file of which each attempt has its own, such as `claim-3.json`."""

    start: str
    suffix: str = ""

    def of(self, attempt: int) -> str:
        """The file's name for an attempt."""
        return f"{self.start}-{attempt}{self.suffix}"

    @property
    def pattern(self) -> str:
        """A glob for the file of any attempt."""
        return f"{self.start}-*{self.suffix}"

    def attempt(self, name: str) -> int | None:
        """The attempt whose file is called `name`; None where it is no such file."""
        found = re.fullmatch(rf"{self.start}-(\d+){re.escape(self.suffix)}", name)
        return int(found[1]) if found else None


FILES = Numbered("files")  # the folder of an attempt that may still write
ENDED = Numbered("ended")  # what it is called when the attempt can write no more
LEASE = Numbered("claim", ".json")
ATTEMPT = Numbered("attempt", ".json")
HEARTBEAT = Numbered("heartbeat")
PROGRESS = Numbered("progress", ".jsonl")
SYSTEM = Numbered("system-metrics", ".jsonl")  # how busy the machine was
FAILURE = Numbered("failure", ".json")
DEATH = Numbered("died", ".json")  # a failure that took the interpreter with it
RELEASED = Numbered("released")
CANCELLED = Numbered("cancelled")
RETRY = Numbered("retry")


RECORDS = (FILES, ENDED, LEASE, ATTEMPT, HEARTBEAT, FAILURE, DEATH, RELEASED, CANCELLED, RETRY)
SERIES = (PROGRESS, SYSTEM)


def is_record(name: str) -> bool:
    """Whether a file or folder of a run directory tells of the run, and is none of its results."""
    return name in (CONFIG, RESULT, COMMITTED) or any(
        record.attempt(name) is not None for record in RECORDS
    )


def is_series(name: str) -> bool:
    """Whether it is a file to which an attempt appends a line at a time."""
    return any(series.attempt(name) is not None for series in SERIES)


def table(name: str) -> str:
    """The file of a table that an attempt saved."""
    return f"{name}.parquet"


def damaged(path: Path) -> Path:
    """Where `ablate repair` sets a damaged file aside."""
    return path.with_name(path.name + DAMAGED)
