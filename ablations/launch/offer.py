"""What is due at the moment, for workers that wait for more: a search asks as it goes on."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ablations.files import write_json
from ablations.launch.requests import Request
from ablations.runs.attempt import StopRequest
from ablations.runs.lease import Owner

POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Offer:
    """A file that says what is due; where it is gone, nothing more comes.

    Attributes:
        owner: the process that writes it; when that has ended, nothing more comes either.
    """

    path: Path
    owner: Owner

    @classmethod
    def of_this_process(cls, folder: Path) -> Offer:
        """One that this process will make, in the folder of its launches."""
        return cls(folder / f"{uuid.uuid4().hex}_due.json", Owner.current())

    def make(self, due: Sequence[Request]) -> None:
        """Say what is due now, instead of what was."""
        write_json(self.path, [asdict(request) for request in due])

    def close(self) -> None:
        """Say that nothing more comes."""
        self.path.unlink(missing_ok=True)

    def follow(self, stop: StopRequest) -> Iterator[list[Request]]:
        """What is due, whenever it is said anew, until nothing more comes or `stop` is asked for.

        What was said while the one before was done comes once, as it was said last.
        """
        seen = None
        while stop.signal is None and self.owner.is_alive() is not False:
            try:
                with open(self.path, "rb") as file:
                    state = os.fstat(file.fileno())
                    content = file.read()
            except FileNotFoundError:
                return
            if (said := (state.st_ino, state.st_mtime_ns)) != seen:
                seen = said
                yield [Request(**each) for each in json.loads(content)]
            else:
                time.sleep(POLL_SECONDS)
