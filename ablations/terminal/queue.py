"""Workers in the queues of clusters, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.text import Text

from ablations.launch.scheduler import QueuedJob

STUCK = "stuck"  # workers that wait for ever, whatever their state is called


def worker_states(jobs: Sequence[QueuedJob]) -> dict[str, int]:
    """How many workers are in each state: the scheduler's word, or STUCK."""
    return dict(Counter(map(_state, filter(lambda job: job.works, jobs))))


def waiting_workers(jobs: Sequence[QueuedJob]) -> Iterator[Text]:
    """A line for each reason for which workers wait."""
    waiting = Counter((_state(job), job.why) for job in jobs if job.works and job.reason)
    for (state, why), count in waiting.items():
        style = "yellow" if state == STUCK else "dim"
        yield Text(f"{count} workers {state.lower()}: {why}", style=style)


def _state(job: QueuedJob) -> str:
    return STUCK if job.stuck else job.state
