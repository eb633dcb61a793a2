"""What cannot be done while the rest goes on, told together in the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ablations.errors import UserError

MANY = 5  # more are not told one by one


class Refused:
    """Keeps user errors, so that one of them does not stop what has nothing to do with it.

    Attributes:
        errors: in the order in which they came.
    """

    def __init__(self) -> None:
        self.errors: list[UserError] = []

    @contextmanager
    def aside(self) -> Iterator[None]:
        """End the block at a user error, and keep that."""
        try:
            yield
        except UserError as error:
            self.errors.append(error)

    def check(self, kind: type[UserError] = UserError) -> None:
        """Tell everything that was refused, if anything was.

        Arguments:
            kind: of the error.

        Raises:
            UserError: what was said, each but once.
        """
        told = list(dict.fromkeys(map(str, self.errors)))
        if len(told) == 1 and isinstance(self.errors[0], kind):
            raise self.errors[0]
        if told:
            rest = [f"and {len(told) - MANY} more"] if len(told) > MANY else []
            raise kind("; ".join(told[:MANY] + rest))
