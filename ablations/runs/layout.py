"""Names of the files in a run directory; what each means: docs/architecture.md."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

CONFIG = "config.json"
RESULT = "result.json"  # written last: with it the run is done
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


LEASE = Numbered("claim", ".json")
ATTEMPT = Numbered("attempt", ".json")
HEARTBEAT = Numbered("heartbeat")
PROGRESS = Numbered("progress", ".jsonl")
FAILURE = Numbered("failure", ".json")
RELEASED = Numbered("released")
CANCELLED = Numbered("cancelled")
RETRY = Numbered("retry")


def table(name: str) -> str:
    """The file of a table that an attempt saved."""
    return f"{name}.parquet"


def damaged(path: Path) -> Path:
    """Where `ablate repair` sets a damaged file aside."""
    return path.with_name(path.name + DAMAGED)
