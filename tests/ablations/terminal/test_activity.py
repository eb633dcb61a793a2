"""What takes long says what it does, on standard error; what does not is silent."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from ablations.terminal import activity as module
from ablations.terminal.activity import activity
from helpers.processes import wait_for


@pytest.fixture
def said(monkeypatch, capsys):
    """What went to standard error so far; lines come often."""
    monkeypatch.setattr(module, "PLAIN_SECONDS", 0.01)
    pieces = []

    def look():
        out, error = capsys.readouterr()
        assert out == ""
        pieces.append(error)
        return "".join(pieces)

    return look


def test_what_is_over_quickly_is_not_worth_a_word(said):
    with activity("counting"):
        pass
    assert said() == ""


def test_what_takes_long_says_what_it_does_now(said, monkeypatch):
    monkeypatch.setattr(module, "QUIET_SECONDS", 0.0)
    with activity("counting") as change:
        wait_for(lambda: "counting\n" in said())
        change("counting [red]backwards[/red]")
        wait_for(lambda: "counting [red]backwards[/red]\n" in said())
    over = said()
    assert set(over.splitlines()) == {"counting", "counting [red]backwards[/red]"}


def test_nothing_comes_after_the_end_even_of_an_error(said, monkeypatch):
    monkeypatch.setattr(module, "QUIET_SECONDS", 0.0)
    with pytest.raises(ZeroDivisionError), activity("counting"):
        wait_for(lambda: "counting\n" in said())
        raise ZeroDivisionError
    over = said()
    assert over.splitlines() == ["counting"] * over.count("\n")
    assert said() == over


def test_in_a_terminal_the_line_changes_in_place(monkeypatch):
    monkeypatch.setattr(module, "QUIET_SECONDS", 0.0)
    terminal = Console(file=io.StringIO(), force_terminal=True, markup=False)
    monkeypatch.setattr(module, "Console", lambda **options: terminal)
    with activity("counting") as change:
        wait_for(lambda: "counting" in terminal.file.getvalue())
        change("adding")
        wait_for(lambda: "adding" in terminal.file.getvalue())
    assert terminal.file.getvalue().count("\n") <= 1


def test_a_terminal_that_is_gone_ends_nothing(monkeypatch):
    monkeypatch.setattr(module, "QUIET_SECONDS", 0.0)
    asked = []

    def refuse(*words, **options):
        asked.append(words)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(module, "print", refuse, raising=False)
    with activity("counting"):
        wait_for(lambda: asked)
    assert asked == [("counting",)]
