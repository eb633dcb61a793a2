"""When validation images are looked at."""

from __future__ import annotations

from snnet.validation import RUNGS, rungs_at


def test_every_rung_is_reached_once():
    for epochs in (1, 2, 3, 4, 15, 50, 100):
        reached = [rung for epoch in range(1, epochs + 1) for rung in rungs_at(epoch, epochs)]
        assert reached == (list(RUNGS) if epochs > 1 else [])
        assert rungs_at(epochs, epochs) == []
    assert [epoch for epoch in range(51) if rungs_at(epoch, 50)] == [5, 13, 25]
