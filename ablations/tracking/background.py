"""Collecting while runs go on: in a thread, every few seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ablations.errors import UserError
from ablations.runs.home import Home
from ablations.tracking.collector import Collector

SYNC_SECONDS = 3.0
REST = 30.0  # and by so much longer than a pass works: a large home must not keep a core busy
JOIN_SECONDS = 60.0


class BackgroundCollector:
    """Collects every few seconds in a thread; a store that fails is told of, not fatal.

    Attributes:
        error: what kept the last pass from delivering everything.
    """

    def __init__(self, home: Home, uri: str, warn: Callable[[str], None]) -> None:
        self._home, self._uri, self._warn = home, uri, warn
        self._stop = threading.Event()
        self._collector: Collector | None = None
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._loop, daemon=True)

    def start(self) -> None:
        """Begin collecting."""
        self._thread.start()

    def finish(self) -> None:
        """Stop, and deliver what is left; does not wait long for a store that hangs."""
        self._stop.set()
        self._thread.join(timeout=JOIN_SECONDS)
        if self._thread.is_alive():
            self.error = UserError(f"the tracking store {self._uri} is silent")
        elif not self.error:
            self._collect()

    def _loop(self) -> None:
        while True:
            begun = time.thread_time()  # of this thread's work: to wait for a server costs nothing
            self._collect()
            if self._stop.wait(max(SYNC_SECONDS, REST * (time.thread_time() - begun))):
                return

    def _collect(self) -> None:
        try:
            self._collector = self._collector or Collector(self._home, self._uri)
            self._collector.sync()
            self.error = None
        except Exception as error:  # whatever it is, the runs go on
            if self.error is None:
                self._warn(f"{error}; the runs go on, `ablate sync` delivers them later")
            self.error = error


@contextmanager
def collecting(home: Home, uri: str, warn: Callable[[str], None]) -> Iterator[BackgroundCollector]:
    """Inside, the tracking store is kept up to date; `warn` is told where that fails."""
    collector = BackgroundCollector(home, uri, warn)
    collector.start()
    try:
        yield collector
    finally:
        collector.finish()
        if collector.error:
            warn(
                f"not everything was tracked: {collector.error}; when it can be, `ablate sync` "
                "delivers what is missing"
            )
