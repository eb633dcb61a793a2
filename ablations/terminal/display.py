"""How things look in the terminal: the console, tables, colours, warnings."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from rich.console import Console, RenderableType
from rich.jupyter import JupyterMixin
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ablations.errors import EXIT_INTERRUPTED
from ablations.runs.directory import State

# rich would fold lines at 80 columns where the output goes to a file or another program
console = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 160)
COLOURS = {
    State.WAITING: "dim",
    State.RUNNING: "cyan",
    State.LOST: "yellow",
    State.FAILED: "red",
    State.CANCELLED: "yellow",
    State.DONE: "green",
    State.DAMAGED: "red",
}
MANY_ROWS = 500


class NotebookDisplay(JupyterMixin):
    """An output of a notebook's cell that changes; its methods are those of `rich.live.Live`.

    That one needs widgets in a notebook, this one only what every notebook has.
    """

    def __init__(self) -> None:
        self._shown: RenderableType = ""
        self._handle: Any = None

    def __rich__(self) -> RenderableType:
        return self._shown

    def start(self) -> None:
        """Make the output."""
        from IPython.display import display  # a notebook has it

        self._handle = display(self, display_id=True)

    def update(self, shown: RenderableType) -> None:
        """Show something else there."""
        self._shown = shown
        self._handle.update(self)

    def stop(self) -> None:
        """Leave what was shown last."""


def changing_display() -> Live | NotebookDisplay | None:
    """Where something is shown that changes; None where only lines can be printed."""
    if console.is_jupyter:
        return NotebookDisplay()
    return Live(console=console, refresh_per_second=4) if console.is_terminal else None


def simple_table(*columns: str, title: str | None = None) -> Table:
    """A table in the house style."""
    table = Table(title=title, box=None, title_justify="left", header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def rows_table(columns: Sequence[str], rows: Sequence[Sequence[str | Text]]) -> Table | Text:
    """A table of so many rows as there are; many are laid out plainly, for rich takes seconds."""
    if len(rows) > MANY_ROWS:
        lines = [columns, *([str(cell) for cell in row] for row in rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        padded = (map(str.ljust, line, widths) for line in lines)
        text = "\n".join("  ".join(line).rstrip() for line in padded)
        return Text(text, no_wrap=True, overflow="ignore")
    table = simple_table(*columns)
    for row in rows:
        table.add_row(*row)
    return table


def warn(text: str) -> None:
    """A line that stands out."""
    console.print(f"ablate: {text}", style="yellow", soft_wrap=True)


@contextmanager
def interruptible() -> Iterator[None]:
    """End the command in good order at Ctrl-C, with a word on how to go on.

    The same when it is told to end, or its terminal is closed; under `nohup` it then goes on.
    """
    try:
        with _ending_by_signals():
            yield
    except KeyboardInterrupt:
        with suppress(OSError):  # there is no terminal any more
            warn("interrupted; the same command goes on from here")
        sys.exit(EXIT_INTERRUPTED)


@contextmanager
def _ending_by_signals() -> Iterator[None]:
    """Inside, SIGTERM and SIGHUP are as Ctrl-C, but where they are ignored."""

    def end(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    may = threading.current_thread() is threading.main_thread()  # nobody else may set handlers
    before = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGHUP) if may}
    heeded = {one: handler for one, handler in before.items() if handler != signal.SIG_IGN}
    for one in heeded:
        signal.signal(one, end)
    try:
        yield
    finally:
        for one, handler in heeded.items():
            signal.signal(one, handler)
