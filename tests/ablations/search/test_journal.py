"""The journal of a search: torn, damaged, or about something else."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from ablations.errors import UserError
from ablations.search.journal import Journal, writing_journal
from helpers.searching import SEARCH, question, sit, trials_of


def test_a_line_that_a_crash_tore_is_asked_again(home):
    sit(home, question(), 4)
    path, before = home.journal("toy-search"), trials_of(home)
    lines = path.read_bytes().splitlines(keepends=True)
    made = [number for number, line in enumerate(lines) if b'"params"' in line]
    path.write_bytes(b"".join(lines[: made[-1]]) + lines[made[-1]][:40])
    (path.parent / "toy-search.journal.lock").symlink_to(path)  # Optuna's, of the killed process
    sit(home, question(), 4)
    assert [(t.number, t.params, t.value) for t in trials_of(home)] == [
        (t.number, t.params, t.value) for t in before
    ]
    assert len(list(home.runs())) == 4


def test_two_do_not_write_one_journal(home):
    asked = question()
    record = asked.aim.goals, asked.record(), asdict(asked.asked)
    with writing_journal(home.journal("toy-search"), *record):
        with pytest.raises(UserError, match="another process goes on with"):
            sit(home, asked, 1)
        assert Journal(home.journal("toy-search")).trials == []  # anybody may look


def test_another_question_needs_another_name(ablate, home):
    sit(home, question(), 2)
    for changed, named in (
        (("--over", "rate=0.05:0.7"), "ranges rate"),
        (("--set", "steps=7"), "settings steps, axes pace"),
        (("--objective", "top1@250"), "objective"),
        (("--seeds", "2"), "seeds"),
    ):
        done = ablate(*SEARCH, "--trials", "3", *changed)
        assert done.returncode == 2
        assert f"is about something else ({named})" in done.stderr
        assert "--name NAME" in done.stderr
    assert len(trials_of(home)) == 2


def test_a_journal_that_is_damaged_is_told(ablate, home):
    sit(home, question(), 2)
    path = home.journal("toy-search")
    path.write_text("no journal\n" + path.read_text())
    done = ablate(*SEARCH, "--trials", "3")
    assert done.returncode == 2
    assert "toy-search.journal is damaged" in done.stderr
