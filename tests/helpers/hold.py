"""Holding toy runs, so that no test has to be quicker than they are."""

from __future__ import annotations

from ablations.runs.home import Home

HOLD = "hold"  # see tests/example_studies/toy.py


def hold(home: Home, above: float | None = None) -> None:
    """From now on toy runs of the home wait after their second step.

    Arguments:
        above: only those whose error after the first step is larger.
    """
    home.root.mkdir(parents=True, exist_ok=True)
    (home.root / HOLD).write_text("" if above is None else str(above))


def release(home: Home) -> None:
    """They go on."""
    (home.root / HOLD).unlink()
