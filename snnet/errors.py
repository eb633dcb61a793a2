"""Mistakes in what a user gave, told in one sentence each."""

from __future__ import annotations


class CheckpointError(ValueError):
    """A file of weights cannot be used."""


class MissingDataError(RuntimeError):
    """A dataset is not where it was looked for."""


class DivergenceError(RuntimeError):
    """The loss is no longer a finite number."""


class OutOfMemoryError(RuntimeError):
    """The memory of the GPU, or of the machine, is not enough."""


def first_line(error: BaseException) -> str:
    """The first line of another library's error, short enough to be part of a sentence."""
    return (str(error) or type(error).__name__).splitlines()[0]
