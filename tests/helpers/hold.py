"""Holding toy runs, so that no test has to be quicker than they are."""

from __future__ import annotations

from ablations.runs.home import Home

HOLD = "hold"  # see tests/example_studies/toy.py


def hold(home: Home) -> None:
    """From now on toy runs of the home wait after their first step."""
    home.root.mkdir(parents=True, exist_ok=True)
    (home.root / HOLD).touch()


def release(home: Home) -> None:
    """They go on."""
    (home.root / HOLD).unlink()
