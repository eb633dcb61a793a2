"""Collecting while runs go on takes little of a core."""

from __future__ import annotations

import time

import pytest

from ablations.tracking.background import REST, SYNC_SECONDS, BackgroundCollector


class Passes:
    """A collector that works, or waits, for so long a pass."""

    def __init__(self, work=0.0, wait=0.0):
        self.work, self.wait = work, wait

    def sync(self):
        end = time.thread_time() + self.work
        while time.thread_time() < end:
            pass
        time.sleep(self.wait)


@pytest.mark.parametrize(
    ("collector", "least", "most"),
    [
        (Passes(), SYNC_SECONDS, SYNC_SECONDS),
        (Passes(wait=0.3), SYNC_SECONDS, SYNC_SECONDS),  # for a server that takes its time
        (Passes(work=0.2), REST * 0.2, 60),
    ],
)
def test_a_pass_that_works_long_is_followed_by_a_long_rest(
    home, monkeypatch, collector, least, most
):
    rests = []
    background = BackgroundCollector(home, home.tracking_uri, pytest.fail)
    monkeypatch.setattr(background, "_collector", collector)
    monkeypatch.setattr(background._stop, "wait", lambda rest: rests.append(rest) or True)
    background._loop()
    assert least <= rests[0] <= most
