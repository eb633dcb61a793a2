"""What goes on, where a command takes long: a line that changes, or now and then a plain one."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from rich.console import Console

# what is over by then is not worth a word
QUIET_SECONDS = float(os.environ.get("ABLATE_QUIET_SECONDS", "2"))
PLAIN_SECONDS = 15.0  # between two lines where the output is no terminal


@contextmanager
def activity(text: str) -> Iterator[Callable[[str], None]]:
    """Say on standard error what the block does, once it has taken two seconds.

    Gives a function that takes what it does now; programs that read standard output see nothing.
    """
    teller = _Teller(text)
    thread = threading.Thread(target=teller.tell, daemon=True)
    thread.start()
    try:
        yield teller.change
    finally:
        teller.over.set()
        thread.join()


class _Teller:
    def __init__(self, text: str) -> None:
        self.over = threading.Event()
        self._text = text
        self._console = Console(stderr=True, highlight=False, markup=False)

    def change(self, text: str) -> None:
        self._text = text

    def tell(self) -> None:
        if self.over.wait(QUIET_SECONDS):
            return
        with suppress(OSError):  # the terminal was closed
            self._tell_live() if self._console.is_terminal else self._tell_plainly()

    def _tell_live(self) -> None:
        with self._console.status(self._text) as status:
            while not self.over.wait(0.2):
                status.update(self._text)

    def _tell_plainly(self) -> None:
        while True:
            print(self._text, file=sys.stderr, flush=True)
            if self.over.wait(PLAIN_SECONDS):
                return
