"""How many runs a plan may have, and how long a run may take and be silent: beyond, it failed."""

from __future__ import annotations

from dataclasses import dataclass

from ablations.errors import UserError

MOST_RUNS = 100_000  # of a plan: each takes 0.3 ms to plan, has a directory, and a line in listings
MOST_WORKERS = 10_000  # more than a scheduler takes of one user, and than a machine has processes


@dataclass(frozen=True)
class Limits:
    """Limits of one run, in seconds; None: there is none. Not part of the run's identity.

    Attributes:
        time: of all its attempts together, since it last failed.
        silence: without progress, told by `Attempt.say` or `Attempt.log`.
    """

    time: float | None = None
    silence: float | None = None

    def __post_init__(self) -> None:
        for name, seconds in (("time", self.time), ("silence", self.silence)):
            number = isinstance(seconds, int | float) and 0 < seconds < float("inf")
            if seconds is not None and not number:
                raise UserError(f"a limit of {name} is more than 0 seconds, not {seconds!r}")


UNLIMITED = Limits()
