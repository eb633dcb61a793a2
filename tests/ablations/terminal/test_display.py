"""Tables: all that was put in is seen, as it is, whether there are few rows or many."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import time
from types import ModuleType

import pytest
from rich.console import Console
from rich.text import Text

from ablations.errors import EXIT_INTERRUPTED
from ablations.runs.directory import State
from ablations.terminal.display import (
    COLOURS,
    MANY_ROWS,
    changing_display,
    console,
    interruptible,
    rows_table,
    simple_table,
    warn,
)

COLUMNS = ("state", "run", "key")


def printed(what):
    with console.capture() as captured:
        console.print(what)
    return captured.get()


def rows_of(number):
    return [
        (Text("done", style="green"), f"rate=0.{n} [/bold] [red]x[/red]", f"{n:016x}")
        for n in range(number)
    ]


def words(text):
    return [line.split() for line in text.splitlines()]


def test_many_rows_say_what_few_say(monkeypatch):
    """The plain layout, which is for thousands, beside the table of rich, for the same rows."""
    few = printed(rows_table(COLUMNS, rows_of(20)))
    monkeypatch.setattr("ablations.terminal.display.MANY_ROWS", 19)
    many = rows_table(COLUMNS, rows_of(20))
    assert isinstance(many, Text)
    assert words(printed(many)) == words(few)
    assert len(words(few)) == 21


def test_every_row_of_thousands_is_there():
    found = words(printed(rows_table(COLUMNS, rows_of(MANY_ROWS + 1))))
    assert found[0] == list(COLUMNS)
    assert [line[-1] for line in found[1:]] == [f"{n:016x}" for n in range(MANY_ROWS + 1)]


def test_columns_stand_below_one_another(monkeypatch):
    monkeypatch.setattr("ablations.terminal.display.MANY_ROWS", 0)
    rows = [("a", "long enough", "1"), ("longer", "b", "2")]
    header, *lines = printed(rows_table(COLUMNS, rows)).splitlines()
    for column, cells in zip(COLUMNS, zip(*rows, strict=True), strict=True):
        at = header.index(column)
        assert [line[at:].startswith(cell) for line, cell in zip(lines, cells, strict=True)] == [
            True,
            True,
        ]


@pytest.mark.parametrize("rows", [1, MANY_ROWS + 1])
def test_nobodys_words_are_markup(rows):
    said = printed(rows_table(COLUMNS, rows_of(rows)))
    assert said.count("[/bold] [red]x[/red]") == rows


def test_a_wide_cell_is_folded_and_not_cut():
    table = simple_table("what")
    table.add_row("x" * 400)
    assert printed(table).count("x") == 400


def test_a_warning_is_one_line_as_it_is(capsys):
    text = "no room [/bold] in " + "a/long/path/" * 40
    warn(text)
    assert capsys.readouterr().out == f"ablate: {text}\n"


def test_every_state_has_a_colour():
    assert COLOURS.keys() == set(State)
    terminal = Console(file=io.StringIO(), force_terminal=True)
    for colour in COLOURS.values():
        terminal.print("x", style=colour)  # raises on an unknown one


def test_ctrl_c_ends_in_good_order(capsys):
    with pytest.raises(SystemExit) as ended, interruptible():
        raise KeyboardInterrupt
    assert ended.value.code == EXIT_INTERRUPTED
    assert "the same command goes on from here" in capsys.readouterr().out
    with pytest.raises(ZeroDivisionError), interruptible():
        raise ZeroDivisionError


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_so_does_who_is_told_to_end(capsys, number):
    before = signal.signal(number, signal.SIG_DFL)  # the tests themselves may run under nohup
    try:
        with pytest.raises(SystemExit) as ended, interruptible():
            os.kill(os.getpid(), number)
            time.sleep(60)
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)
    assert ended.value.code == EXIT_INTERRUPTED
    assert "the same command goes on from here" in capsys.readouterr().out


def test_under_nohup_a_closed_terminal_ends_nothing():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with interruptible():
            os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_terminal_that_is_gone_is_no_reason_not_to_end(monkeypatch):
    def refuse(text):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("ablations.terminal.display.warn", refuse)
    with pytest.raises(SystemExit), interruptible():
        raise KeyboardInterrupt


def test_another_thread_sets_no_handlers():
    ended = []

    def work():
        with interruptible():
            ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ended == [True]


def test_a_notebook_shows_one_output_that_changes(monkeypatch):
    shown = []

    class Handle:
        def update(self, one):
            shown.append(one._repr_mimebundle_((), ())["text/plain"])

    def display(one, display_id):
        assert display_id
        return Handle()

    module = ModuleType("IPython.display")
    module.display = display
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    monkeypatch.setattr(console, "is_jupyter", True)
    live = changing_display()
    live.start()
    live.update(Text("1 of 2 runs done"))
    live.update(Text("2 of 2 runs done"))
    live.stop()
    assert [text.strip() for text in shown] == ["1 of 2 runs done", "2 of 2 runs done"]


def test_where_only_lines_can_be_printed_nothing_changes(monkeypatch):
    monkeypatch.setattr(console, "is_jupyter", False)
    assert changing_display() is None
