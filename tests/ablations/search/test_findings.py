"""What a search found, in words."""

from __future__ import annotations

from itertools import pairwise

from ablations.search import importance
from ablations.search.findings import show_findings
from helpers.searching import question, sit


def test_several_objectives_give_a_front(home, capsys, monkeypatch):
    monkeypatch.setattr(importance, "FEWEST", 4)
    search = sit(home, question(objective="pareto"), 12)
    show_findings(home, search.question, search.journal)
    shown = capsys.readouterr().out.partition("trials that no other beats:")[2]
    best = sorted((trial.values for trial in search.journal.best), key=lambda values: values[0])
    assert all(one[1] > other[1] for one, other in pairwise(best))
    assert f"{best[0][0]:.4g}" in shown
    assert "what matters for error, by 12 trials" in shown
    first = next(t for t in search.journal.best if t.values == best[0])
    assert search.question.space.arguments(first.params) in shown


def test_runs_of_others_in_the_space_count_for_importance(home, capsys, monkeypatch):
    sit(home, question(over=()), 8)
    search = sit(home, question(over=(), name="short"), 4)
    assert len(list(home.runs())) == 8
    show_findings(home, search.question, search.journal)
    few = "what matters for error is not known yet: 8 settings are done, and 30 can tell"
    assert few in capsys.readouterr().out
    monkeypatch.setattr(importance, "FEWEST", 2)
    show_findings(home, search.question, search.journal)
    shown = capsys.readouterr().out
    assert "what matters for error, by 4 trials and 4 settings of grids" in shown
    assert "optuna-dashboard" in shown


def test_why_trials_brought_nothing_is_said(home, capsys):
    search = sit(home, question(objective="top1@1"), 2)
    assert search.failed == 2
    show_findings(home, search.question, search.journal)
    shown = capsys.readouterr().out
    assert "2 trials (2 fail)" in shown
    assert (
        "failed: trial 0, 1: its runs tell no number for top1@1, as if nothing were within 1\n"
        in shown
    )
