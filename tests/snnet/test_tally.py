"""Losses that are read some steps later."""

from __future__ import annotations

import math

import pytest
import torch

from helpers.training import steady, training, weights
from snnet.errors import DivergenceError
from snnet.tally import StepLosses, Tally


def test_sums_are_those_of_losses_read_at_once():
    late, now = Tally(1.0, 2.0, 3.0), Tally(1.0, 2.0, 3.0)
    draws = torch.Generator().manual_seed(0)
    for step, losses in enumerate(torch.rand(7, 2, generator=draws)):
        for tally in (late, now):
            tally.add_losses(StepLosses(step, [4, 5], list(losses), 6))
            tally.add_score(torch.tensor(step))
            tally.add_score(0.5)
        assert now.read() is None
    assert (late.loss, late.score, late.seen) == (1.0, 2.0, 3.0)
    assert late.read() is None
    assert late.read() is None
    assert (late.loss, late.score, late.seen) == (now.loss, now.score, now.seen)
    assert late.seen == 3 + 7 * 6
    assert late.score == 2 + sum(range(7)) + 3.5


def test_the_first_broken_loss_is_told():
    tally = Tally()
    for step, losses in ((3, (1.0, 2.0)), (4, (1.0, math.inf)), (5, (math.nan, math.nan))):
        tally.add_losses(StepLosses(step, [7, 8], [torch.tensor(one) for one in losses], 1))
    assert tally.read() == (4, 8, math.inf)


@pytest.mark.parametrize("every", [3, 100])
def test_reading_later_changes_nothing(data, every):
    now, late = training(data), training(data)
    late.read_every = every
    for _ in range(2):
        assert steady(late.run_epoch()) == steady(now.run_epoch())
    expected = weights(now)
    assert all(torch.equal(value, expected[name]) for name, value in weights(late).items())


def test_a_pause_waits_until_losses_are_read(data):
    run = training(data)
    run.read_every = 3
    assert run.run_epoch(pause=lambda: True) is None
    assert run.step == 3
    assert run._tally.seen == 3 * 16
    assert steady(run.run_epoch()) == steady(training(data).run_epoch())


def test_divergence_that_is_read_later_names_its_own_step(data):
    run = training(data)
    run.read_every = 4

    def steps(batches):
        for step, (images, labels) in enumerate(batches):
            yield (images * math.nan if step >= 2 else images), labels

    whole = run.data.batches
    run.data = type("Data", (), {"__getattr__": lambda _, name: getattr(data, name)})()
    run.data.batches = lambda *given, **options: steps(whole(*given, **options))
    with pytest.raises(DivergenceError, match=r"became nan in epoch 0, step 2, stitch \d+ \("):
        run.run_epoch()
    assert run.step == 4
