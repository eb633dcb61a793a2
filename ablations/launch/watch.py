"""Whether a run takes too long, or says nothing for too long."""

from __future__ import annotations

import time

from ablations.launch.timing import in_words
from ablations.runs import layout
from ablations.runs.directory import RunDirectory
from ablations.study.limits import Limits


class Watch:
    """Looks at one attempt from its start."""

    def __init__(self, limits: Limits, directory: RunDirectory, attempt: int) -> None:
        self.limits = limits
        self._progress = directory.path / layout.FILES.of(attempt) / layout.PROGRESS.of(attempt)
        self._earlier = sum(map(directory.seconds, directory.unfailed(attempt - 1)))
        self._begun = self._heard = time.monotonic()
        self._size = 0
        self._asked: float | None = None

    def passed(self) -> str | None:
        """The limit that was passed, in words; None where none was."""
        now, limits = time.monotonic(), self.limits
        size = self._progress.stat().st_size if self._progress.exists() else 0
        if size != self._size:
            self._size, self._heard = size, now
        if limits.time is not None and self._earlier + now - self._begun > limits.time:
            return f"it took longer than its time limit of {in_words(limits.time)}"
        if limits.silence is not None and now - self._heard > limits.silence:
            return f"it made no progress for longer than its limit of {in_words(limits.silence)}"
        return None

    def patient(self, seconds: float) -> bool:
        """Whether less than that has gone by since this was first asked."""
        self._asked = self._asked or time.monotonic()
        return time.monotonic() - self._asked < seconds
