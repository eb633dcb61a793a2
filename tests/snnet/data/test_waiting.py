"""The clock counts what batches take to come, and nothing else."""

from __future__ import annotations

import pytest
import torch

from snnet.data import waiting
from snnet.data.waiting import Waiting


def test_only_the_time_until_a_batch_comes_counts(monkeypatch):
    now = 0.0
    monkeypatch.setattr(waiting.time, "perf_counter", lambda: now)

    def batches():
        nonlocal now
        for number in range(3):
            now += 2  # making one
            yield torch.tensor(number), torch.tensor(number)

    clock, made, seen = Waiting(1.0), batches(), []
    for images, _ in clock.through(made):
        now += 5  # training
        seen.append(int(images))
        if len(seen) == 2:
            break  # a pause
    assert clock.seconds == pytest.approx(1 + 2 * 2)
    seen += [int(images) for images, _ in clock.through(made)]
    assert seen == [0, 1, 2]
    assert clock.seconds == pytest.approx(1 + 3 * 2)
