"""Differences between two conditions, drawn or written down."""

from __future__ import annotations

import numpy as np
from scipy import stats

from reports.statistics.evidence import Sample

ALARM = 1e-6  # of one bound; there are two dozen


def runs(*values, planned=None):
    """A claim about whole runs: one difference a seed."""
    return Sample({n: np.array([value]) for n, value in enumerate(values)}, planned or len(values))


def like(mean, spread, seeds):
    """Whole runs with exactly this mean and standard deviation between seeds."""
    values = np.arange(seeds, dtype=float)
    return runs(*(mean + spread * (values - values.mean()) / values.std(ddof=1)))


def drawn(count, seeds=5, effect=0.0, between=1.0, shared=0.0, skewed=False):
    """Samples of 30 stitches; `shared` is the part of a stitch's variance common to ten of them."""
    generator = np.random.default_rng(7)

    def errors(*shape):
        exponential = generator.exponential(size=shape) - 1
        return exponential if skewed else generator.normal(size=shape)

    of_seeds = between * errors(count, seeds, 1)
    of_groups = np.repeat(errors(count, seeds, 3), 10, axis=2)
    own = np.sqrt(shared) * of_groups + np.sqrt(1 - shared) * errors(count, seeds, 30)
    fixed = np.linspace(-3, 3, 30)  # stitches differ in the same way in all seeds
    return [Sample(dict(enumerate(each)), seeds) for each in effect + of_seeds + own + fixed]


def bounds(count, chance):
    """What a binomial count stays within, but for a chance of 2 ALARM."""
    return stats.binom.ppf(ALARM, count, chance), stats.binom.isf(ALARM, count, chance)
