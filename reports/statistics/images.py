"""What the choice of test images adds to the uncertainty of a mean over seeds.

Seeds and test images are crossed: networks of several seeds are scored by the same images, and
other images would have shifted all of them at once, which no number of seeds shows. Where the seed
draws the test images, too, part of them is shared. So the images are cut into groups, each is left
out in turn (a jackknife), and the seeds' effects are compared: what they do together is of images
that they share, what they do alone is in the spread of the seeds already.

Found by simulation (3 to 10 seeds, all proportions of seed, image and residual variance, images
shared, half shared or drawn anew): 95 % intervals cover 94 to 96 % (tests/reports/statistics).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from reports.statistics.interval import Estimate

GROUPS = 20  # of test images


def with_images(seeds: Estimate, without: NDArray[np.float64]) -> Estimate:
    """The estimate with the error that seeds and test images make together.

    Arguments:
        seeds: mean over seeds, with their error alone.
        without: (seeds, GROUPS), the effect of each seed with one group of images left out.
    """
    if seeds.error is None:
        return seeds
    n, groups = without.shape
    scale = (groups - 1) / groups
    together = scale * float(np.var(without.mean(axis=0)) * groups)
    each = scale * float(np.var(without, axis=1).sum() * groups) / n**2
    # variances of the mean over seeds: together = s + r and each = s / n + r hold where `s` is of
    # images that the seeds share, and `r` of what images do to one seed alone
    shared = max((together - each) * n / (n - 1), 0.0)
    added = max(together - each + shared / n, 0.0)
    if not added:
        return seeds
    total, alone = seeds.error**2 + added, seeds.error**2
    # Satterthwaite's; the second bound is needed with three seeds, of which two parts are guessed
    freedom = total**2 / (alone**2 / (n - 1) + added**2 / (groups - 1))
    freedom = min(freedom, (n - 1) * total / alone) if alone else freedom
    return replace(seeds, error=total**0.5, images=min(shared, total) ** 0.5, freedom=freedom)
