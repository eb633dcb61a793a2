"""The hierarchical bootstrap, which is shown beside Student's t."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.samples import bounds, drawn
from reports.statistics.bootstrap import bootstrap_interval
from reports.statistics.evidence import Sample, assess, interval_words


def test_the_bootstrap_draws_seeds_and_within_them_stitches():
    (sample,) = drawn(1, seeds=6, effect=2.0)
    arrays = [sample.differences[seed] for seed in range(6)]
    low, high = bootstrap_interval(arrays, 0.95)
    generator = np.random.default_rng(1)
    means = [
        np.mean([generator.choice(arrays[n], 30).mean() for n in generator.choice(6, 6)])
        for _ in range(4000)
    ]
    assert (low, high) == pytest.approx(np.percentile(means, [2.5, 97.5]), abs=0.12)
    assert bootstrap_interval(arrays, 0.95) == (low, high)
    assert bootstrap_interval(arrays[:1], 0.95) is None
    narrow = bootstrap_interval(arrays, 0.5)
    assert low < narrow[0] < narrow[1] < high


def test_the_bootstrap_of_a_share_is_told_in_percent():
    differences = {seed: np.array([3.0, 1.0, 2.0, -1.0]) for seed in range(5)}
    share = assess(Sample(differences, 5), statistic="share")
    low, high = share.bootstrap
    assert -50 <= low < share.effect == 25 < high <= 50
    assert interval_words(share.bootstrap, "share") == f"[{low + 50:.1f}, {high + 50:.1f}]"


def test_with_few_seeds_the_bootstrap_is_too_narrow_to_decide():
    """Where between-seed spread rules, it misses the truth far more often than Student's t."""
    samples = drawn(400, seeds=3, between=3.0)
    missed = {"t": 0, "bootstrap": 0}
    for sample in samples:
        found = assess(sample)
        for name, (low, high) in (("t", found.interval), ("bootstrap", found.bootstrap)):
            missed[name] += not low <= 0 <= high
    assert missed["t"] <= bounds(400, 0.05)[1]
    assert missed["bootstrap"] > bounds(400, 0.1)[0] > 0
    assert missed["bootstrap"] > 2 * missed["t"]
