"""Workers in queues, in words."""

from __future__ import annotations

from ablations.launch.scheduler import QueuedJob
from ablations.terminal.queue import STUCK, waiting_workers, worker_states


def waiting(number, reason, meaning="", **options):
    return QueuedJob(str(number), "toy-1", "PENDING", reason=reason, meaning=meaning, **options)


JOBS = [
    QueuedJob("1", "toy-1", "RUNNING", node="n1"),
    waiting(2, "Resources", "nothing is free"),
    waiting(3, "Resources", "nothing is free"),
    waiting(4, "SomethingNew"),
    waiting(5, "JobHeldUser", "you hold it", stuck=True),
    waiting(6, "Dependency", "others first", works=False),  # the job that tracks
]


def test_workers_are_counted_by_state_and_stuck_ones_by_themselves():
    assert worker_states(JOBS) == {"RUNNING": 1, "PENDING": 3, STUCK: 1}
    assert worker_states([]) == {}


def test_each_reason_has_a_line():
    lines = list(waiting_workers(JOBS))
    assert [line.plain for line in lines] == [
        "2 workers pending: Resources (nothing is free)",
        "1 workers pending: SomethingNew",
        "1 workers stuck: JobHeldUser (you hold it)",
    ]
    assert [line.style for line in lines] == ["dim", "dim", "yellow"]
