"""How things look in the terminal: the console, tables, colours, warnings."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
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
}
MANY_ROWS = 500


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
    """End the command in good order at Ctrl-C, with a word on how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        warn("interrupted; the same command goes on from here")
        sys.exit(EXIT_INTERRUPTED)
