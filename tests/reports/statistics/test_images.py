"""Intervals over seeds and test images together: simulated coverage."""

from __future__ import annotations

import numpy as np
import pytest

from reports.statistics.evidence import Sample, assess
from reports.statistics.images import GROUPS, with_images
from reports.statistics.interval import estimate

SIMULATIONS = 2000
# standard deviations of an effect: between seeds, between sets of test images, and of both
PROPORTIONS = [(1, 0, 0.3), (1, 0.3, 0.3), (1, 1, 0.3), (0.3, 1, 0.3), (0.5, 0.5, 1)]


def simulate(random, seeds, proportions, shared):
    """Effects of groups of images (seeds, GROUPS); `shared`: what part of the images all have."""
    of_seed, of_images, of_both = proportions
    images = shared**0.5 * random.normal(size=GROUPS)
    images = images + (1 - shared) ** 0.5 * random.normal(size=(seeds, GROUPS))
    noise = of_images * images + of_both * random.normal(size=(seeds, GROUPS))
    return of_seed * random.normal(size=(seeds, 1)) + GROUPS**0.5 * noise


def without(groups):
    return (groups.sum(axis=1, keepdims=True) - groups) / (GROUPS - 1)


@pytest.mark.parametrize("shared", [1.0, 0.45])
@pytest.mark.parametrize("seeds", [3, 10])
def test_intervals_hold_the_truth_as_often_as_they_say(seeds, shared):
    random = np.random.default_rng(seeds)
    for proportions in PROPORTIONS:
        held = []
        for _ in range(SIMULATIONS):
            groups = simulate(random, seeds, proportions, shared)
            found = with_images(estimate(groups.mean(axis=1)), without(groups))
            low, high = found.interval()
            held.append(low < 0 < high)
        assert 0.93 < np.mean(held) < 0.97, proportions


def test_false_verdicts_are_as_rare_as_they_should_be():
    """Seeds alone would call an effect of shared test images real, most of the time."""
    random, wrong = np.random.default_rng(0), {"both": 0, "seeds": 0}
    for _ in range(SIMULATIONS):
        groups = simulate(random, 5, (0.3, 1, 0.3), 1.0)
        differences = {seed: one.mean(keepdims=True) for seed, one in enumerate(groups)}
        left = {seed: list(one[:, None]) for seed, one in enumerate(without(groups))}
        wrong["both"] += assess(Sample(differences, 5, left)).verdict != "undecided"
        wrong["seeds"] += assess(Sample(differences, 5)).verdict != "undecided"
    assert 0.035 < wrong["both"] / SIMULATIONS < 0.065
    assert wrong["seeds"] / SIMULATIONS > 0.4


def test_images_that_each_seed_draws_anew_are_in_its_spread():
    random = np.random.default_rng(1)
    groups = simulate(random, 10, (0, 1, 0), 0.0)
    alone = estimate(groups.mean(axis=1))
    found = with_images(alone, without(groups))
    assert found.error == pytest.approx(alone.error, rel=0.25)
    assert found.images < 0.6 * found.error


def test_more_seeds_shrink_all_but_what_the_images_make():
    groups = simulate(np.random.default_rng(2), 5, (1, 1, 0.1), 1.0)
    found = with_images(estimate(groups.mean(axis=1)), without(groups))
    now, many = found.error_of(np.array([5, 100_000]))
    assert now == pytest.approx(found.error)
    assert many == pytest.approx(found.images, rel=0.01)


def test_one_seed_has_no_error():
    one = estimate([1.0])
    assert with_images(one, np.ones((1, GROUPS))) == one
