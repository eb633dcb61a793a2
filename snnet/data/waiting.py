"""How long whoever trains waits for the next batch."""

from __future__ import annotations

import time

from snnet.data.dataset import Batches


class Waiting:
    """A clock that runs while batches are made.

    Attributes:
        seconds: that were waited so far.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds

    def through(self, batches: Batches) -> Batches:
        """The batches, each waited for by the clock; a later call goes on where this one ends."""
        while True:
            start = time.perf_counter()
            batch = next(batches, None)
            self.seconds += time.perf_counter() - start
            if batch is None:
                return
            yield batch
