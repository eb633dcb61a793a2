"""What can be wrong with what a user gave, told in one sentence each."""

from __future__ import annotations


class CheckpointError(ValueError):
    """A file of weights cannot be used."""


class MissingDataError(RuntimeError):
    """A dataset is not where it was looked for."""


class DivergenceError(RuntimeError):
    """The loss is no longer a finite number."""
